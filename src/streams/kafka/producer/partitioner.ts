import { randomInt } from 'node:crypto'

/** The partition of a message: the same for all messages with one key, round robin for messages without a key. */
export type Partitioner = (topic: string, key: string | null, partitions: number) => number

/**
 * The partitioner of Java's clients (murmur2 of the key's UTF-8 bytes, modulo the number of partitions), so that other
 * keyed producers agree on a key's partition. All partitions count as available: a message waits for its partition instead of going to another.
 */
export function createPartitioner(): Partitioner {
  /** By topic, the number of messages without a key so far, plus a random start. */
  const turns = new Map<string, number>()
  return (topic, key, partitions) => {
    if (key !== null) return (hashOf(key) & 0x7fffffff) % partitions
    const turn = ((turns.get(topic) ?? randomInt(2 ** 31)) + 1) & 0x7fffffff
    turns.set(topic, turn)
    return turn % partitions
  }
}

const shortKey = 100
/** UTF-8 has at most three bytes for each unit of UTF-16. */
const keyBytes = Buffer.alloc(3 * shortKey)

function hashOf(key: string): number {
  if (key.length <= shortKey) return murmur2(keyBytes, keyBytes.write(key))
  const bytes = Buffer.from(key)
  return murmur2(bytes, bytes.length)
}

const seed = 0x9747b28c
const factor = 0x5bd1e995

/** The hash of the first `length` bytes in Java's clients (`org.apache.kafka.common.utils.Utils.murmur2`), as a signed integer. */
function murmur2(bytes: Uint8Array, length: number): number {
  let hash = seed ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    word = Math.imul(word, factor)
    word = Math.imul(word ^ (word >>> 24), factor)
    hash = Math.imul(hash, factor) ^ word
  }
  if (at < length) {
    for (let shift = 0; at < length; at++, shift += 8) hash ^= bytes[at]! << shift
    hash = Math.imul(hash, factor)
  }
  hash = Math.imul(hash ^ (hash >>> 13), factor)
  return hash ^ (hash >>> 15)
}
