import type { Batch, KafkaMessage } from 'kafkajs'
import type { BatchHandler, InputMessage } from '../../types.ts'
import { backoff, pause } from '../client/timing.ts'
import type { Assignment } from './group.ts'
import type { SourceLimits } from './limits.ts'

/** What {@link processBatch} needs. */
export interface BatchWork {
  readonly batch: Batch
  readonly assignment: Assignment
  readonly handler: BatchHandler
  readonly limits: Pick<SourceLimits, 'chunkMessages' | 'chunkBytes' | 'retryFirst' | 'retryLongest'>
  readonly heartbeat: () => Promise<void>
  /** All messages up to and including this offset have been handled. */
  readonly onHandled: (offset: string) => void
  /** This many messages have no valid Kafka timestamp; the first one has `timestamp`. */
  readonly onInvalidTimestamps?: (count: number, timestamp: string) => void
  /** A chunk was rejected and will be retried. */
  readonly onRejected: (error: unknown, attempt: number) => void
}

/**
 * Hands a fetched batch to the handler in chunks of bounded size, in offset order. A rejected chunk is retried with
 * increasing delay until it succeeds or the assignment ends: no message is ever skipped.
 *
 * Resolves with true if nobody reads the messages any more, which is certain if the handler never rejected a chunk. A handler that rejects
 * may still be reading.
 */
export async function processBatch({ batch, assignment, limits, ...work }: BatchWork): Promise<boolean> {
  const [lost, leave] = [assignment.lost.signal, assignment.leave.signal]
  let rejected = false
  for (const chunk of chunks(batch.messages, limits)) {
    const now = Date.now()
    const messages = chunk.map(message => inputMessage(batch, message, now))
    const invalid = chunk.filter(({ timestamp }, at) => Number(timestamp) !== messages[at]?.ingested)
    if (invalid[0] !== undefined) work.onInvalidTimestamps?.(invalid.length, invalid[0].timestamp)
    for (let attempt = 1; ; attempt++) {
      if (leave.aborted) return false
      try {
        await work.handler(messages, { heartbeat: work.heartbeat, signal: lost })
        break
      } catch (error) {
        rejected = true
        if (lost.aborted) return false
        work.onRejected(error, attempt)
      }
      await pause(backoff(attempt, limits.retryFirst, limits.retryLongest), leave)
    }
    if (lost.aborted) return false
    work.onHandled(chunk.at(-1)!.offset)
  }
  return !rejected
}

type Sized = { readonly length: number } | null

/** Cuts messages into runs of at most `chunkMessages` and `chunkBytes`; a single message may be larger. */
export function* chunks<T extends { readonly value: Sized; readonly key?: Sized }>(
  messages: readonly T[],
  { chunkMessages, chunkBytes }: Pick<SourceLimits, 'chunkMessages' | 'chunkBytes'>
): Generator<T[]> {
  let chunk: T[] = []
  let bytes = 0
  for (const message of messages) {
    const size = (message.value?.length ?? 0) + (message.key?.length ?? 0)
    if (chunk.length > 0 && (chunk.length >= chunkMessages || bytes + size > chunkBytes)) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push(message)
    bytes += size
  }
  if (chunk.length > 0) yield chunk
}

function inputMessage(
  { topic, partition }: Batch,
  { key, value, headers = {}, offset, timestamp }: KafkaMessage,
  now: number
): InputMessage {
  const ingested = arrivalTime(Number(timestamp), now)
  const timestamped = ingested === Number(timestamp)
  return { value, key, headers, topic, source: `${topic}/${partition}/${offset}`, ingested, timestamped }
}

/** First light of ZTF: no alert is older. */
const firstLight = Date.UTC(2017, 9, 1)

/** Accepted difference between the clocks of machines, ms. */
const clockTolerance = 5 * 60_000

/**
 * When a message arrived (epoch ms): its Kafka timestamp, or `now` if that is not valid: -1, 0, in seconds, or in the future.
 */
export function arrivalTime(timestamp: number, now: number): number {
  return timestamp >= firstLight && timestamp <= now + clockTolerance ? timestamp : now
}
