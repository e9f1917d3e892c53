import { type Compression, compressors } from '../../../../compression/compressors.ts'
import { compressionTypes } from '../../client/codecs.ts'
import { crc32c } from './crc32c.ts'

/** A message for one partition; its time is that of its request. */
export interface ProducedMessage {
  readonly key: string | Buffer | null
  /** Null removes the key from a compacted topic. */
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

/** Messages for one partition, with the sequence number of the first one. */
export interface ProducedPartition {
  readonly partition: number
  readonly messages: readonly ProducedMessage[]
  readonly firstSequence: number
}

/** Messages for partitions with one leader, as an idempotent producer sends them. */
export interface ProduceRequest {
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly ProducedPartition[] }[]
  readonly compression: Compression
  readonly acks: number
  /** How long the broker may wait for acknowledgements, ms. */
  readonly timeout: number
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** The records of one batch: their size, and how to write them. */
interface Records {
  readonly bytes: number
  readonly write: (frame: Buffer, at: number) => void
}

/** Bytes of the fields before the topics, of those of a topic besides its name, and of those of a partition before its record batch. */
const prefixBytes = 12
const topicBytes = 6
const partitionBytes = 8
/** Bytes of a record batch before its records. */
const batchBytes = 61
/** Bytes of a batch up to the end of its checksum, which covers all bytes after it. */
const uncheckedBytes = 21
/** Bytes of a batch up to the end of its length field. */
const unmeasuredBytes = 12
const magic = 2

/**
 * Encodes a Produce request of version 3 to 7, starting after its client id, in one buffer. The bytes equal those of kafkajs's encoder at the
 * time `now` (epoch ms).
 */
export async function encodeProduceRequest(request: ProduceRequest, now = Date.now()): Promise<Buffer> {
  const { topics, compression } = request
  const records = await Promise.all(
    topics.flatMap(({ partitions }) => partitions.map(({ messages }) => recordsOf(messages, compression)))
  )
  let size = prefixBytes
  for (const { topic } of topics) size += topicBytes + Buffer.byteLength(topic)
  for (const { bytes } of records) size += partitionBytes + batchBytes + bytes
  const frame = Buffer.allocUnsafe(size)
  // No transaction.
  frame.writeInt16BE(-1, 0)
  frame.writeInt16BE(request.acks, 2)
  frame.writeInt32BE(request.timeout, 4)
  frame.writeInt32BE(topics.length, 8)
  let at = prefixBytes
  let next = 0
  for (const { topic, partitions } of topics) {
    at = frame.writeInt16BE(frame.write(topic, at + 2), at) + Buffer.byteLength(topic)
    at = frame.writeInt32BE(partitions.length, at)
    for (const partition of partitions) {
      const { bytes, write } = records[next++]!
      at = frame.writeInt32BE(partition.partition, at)
      at = frame.writeInt32BE(batchBytes + bytes, at)
      write(frame, at + batchBytes)
      writeBatchFields(frame.subarray(at, at + batchBytes + bytes), partition, request, now)
      at += batchBytes + bytes
    }
  }
  return frame
}

/** Where the record batch begins in an encoded request for one partition of this topic. */
export function batchOffset(topic: string): number {
  return prefixBytes + topicBytes + Buffer.byteLength(topic) + partitionBytes
}

/** The compressed records of these messages. */
async function recordsOf(messages: readonly ProducedMessage[], compression: Compression): Promise<Records> {
  const sizes = messages.map(recordSize)
  let bytes = 0
  for (const size of sizes) bytes += varintSize(size) + size
  if (compression === 'none') return { bytes, write: (frame, at) => writeRecords(frame, at, messages, sizes) }
  const records = Buffer.allocUnsafe(bytes)
  writeRecords(records, 0, messages, sizes)
  const compressed = await compressors[compression](records)
  return { bytes: compressed.length, write: (frame, at) => frame.set(compressed, at) }
}

/** Writes what precedes the records of a batch. */
function writeBatchFields(
  batch: Buffer,
  { messages, firstSequence }: ProducedPartition,
  { compression, producerId, producerEpoch }: ProduceRequest,
  now: number
): void {
  // The first offset and the epoch of the leader are unknown.
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(batch.length - unmeasuredBytes, 8)
  batch.writeInt32BE(0, 12)
  batch[16] = magic
  batch.writeInt16BE(compressionTypes[compression], 21)
  batch.writeInt32BE(messages.length - 1, 23)
  // The first and the last time.
  batch.writeBigInt64BE(BigInt(now), 27)
  batch.copy(batch, 35, 27, 35)
  batch.writeBigInt64BE(producerId, 43)
  batch.writeInt16BE(producerEpoch, 51)
  batch.writeInt32BE(firstSequence, 53)
  batch.writeInt32BE(messages.length, 57)
  batch.writeUInt32BE(crc32c(batch.subarray(uncheckedBytes)), 17)
}

/** Bytes of a record after its length. */
function recordSize({ key, value, headers }: ProducedMessage, index: number): number {
  // Two bytes for attributes and time, which are zero.
  let size = 2 + varintSize(index) + (typeof key === 'string' ? textSize(key) : bytesSize(key)) + bytesSize(value)
  let count = 0
  for (const name in headers) {
    size += textSize(name) + textSize(headers[name]!)
    count++
  }
  return size + varintSize(count)
}

function writeRecords(
  bytes: Buffer,
  start: number,
  messages: readonly ProducedMessage[],
  sizes: readonly number[]
): void {
  let at = start
  for (const [index, { key, value, headers }] of messages.entries()) {
    at = writeVarint(bytes, at, sizes[index]!)
    bytes[at++] = 0
    bytes[at++] = 0
    at = writeVarint(bytes, at, index)
    at = typeof key === 'string' ? writeText(bytes, at, key) : writeBytes(bytes, at, key)
    at = writeBytes(bytes, at, value)
    let count = 0
    for (const _ in headers) count++
    at = writeVarint(bytes, at, count)
    for (const name in headers) {
      at = writeText(bytes, at, name)
      at = writeText(bytes, at, headers[name]!)
    }
  }
}

/** Bytes of a value with its length. */
function bytesSize(value: Buffer | null): number {
  return value === null ? 1 : varintSize(value.length) + value.length
}

function writeBytes(bytes: Buffer, start: number, value: Buffer | null): number {
  const at = writeVarint(bytes, start, value?.length ?? -1)
  if (value === null) return at
  bytes.set(value, at)
  return at + value.length
}

/** Bytes of a number of at least -1, zigzag. */
function varintSize(value: number): number {
  return value < 0x40 ? 1 : value < 0x2000 ? 2 : value < 0x100000 ? 3 : value < 0x8000000 ? 4 : 5
}

function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80
  bytes[at++] = rest
  return at
}

/** Longer texts are encoded by Node. */
const shortText = 100

/** Bytes of a text in UTF-8. */
function utf8Length(text: string): number {
  if (text.length > shortText) return Buffer.byteLength(text)
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text)
  return text.length
}

/** Bytes of a text with its length. */
function textSize(text: string): number {
  const length = utf8Length(text)
  return varintSize(length) + length
}

function writeText(bytes: Buffer, start: number, text: string): number {
  const length = utf8Length(text)
  const at = writeVarint(bytes, start, length)
  if (length > shortText || length !== text.length) bytes.write(text, at)
  else for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i)
  return at + length
}
