import type { Batch, KafkaMessage } from 'kafkajs'
import type { BatchControl, BatchHandler, InputMessage } from '../types.ts'
import type { ResolvedOptions } from './source-options.ts'

/** The time between two joins of the group, during which a member owns its partitions. */
export interface Tenure {
  /** Aborted when the partitions may belong to others: work in progress is worthless then. */
  readonly lost: AbortController
  /** Aborted when the member has to go soon: work in progress is finished, nothing new begun. */
  readonly leave: AbortController
  /** What tells kafkajs to join the group again, once the work in progress is finished. */
  rejoin: Error | null
}

/** A tenure that has just begun. */
export function newTenure(): Tenure {
  return { lost: new AbortController(), leave: new AbortController(), rejoin: null }
}

/** What handling a fetched batch needs. */
export interface Work {
  readonly batch: Batch
  readonly tenure: Tenure
  readonly handler: BatchHandler
  readonly options: ResolvedOptions
  readonly heartbeat: () => Promise<void>
  /** Messages up to this offset have their outcome. */
  readonly done: (chunk: readonly InputMessage[], offset: string) => void
  /** A chunk was rejected and will be tried again. */
  readonly rejected: (error: unknown, attempt: number) => void
}

/**
 * Hands a fetched batch to the handler in chunks of bounded size, in offset order. A chunk that is rejected is tried
 * again, with growing pauses, until it passes or the tenure ends: no message is ever skipped.
 */
export async function workOn(work: Work): Promise<void> {
  const { batch, tenure, options } = work
  for (const chunk of chunks(batch.messages, options.limits)) {
    if (tenure.leave.signal.aborted) return
    const messages = chunk.map(message => inputMessage(batch, message))
    if (!(await handleChunk(messages, work))) return
    work.done(messages, chunk.at(-1)!.offset)
  }
}

/** True when the chunk was handled and its partition is still ours. */
async function handleChunk(messages: readonly InputMessage[], work: Work): Promise<boolean> {
  const { tenure, options } = work
  const { retryFirst, retryLongest } = options.limits
  const control: BatchControl = { heartbeat: work.heartbeat, signal: tenure.lost.signal }
  for (let attempt = 1; ; attempt++) {
    try {
      await work.handler(messages, control)
      return !tenure.lost.signal.aborted
    } catch (error) {
      if (tenure.lost.signal.aborted) return false
      work.rejected(error, attempt)
    }
    const pause = Math.min(retryFirst * 2 ** (attempt - 1), retryLongest)
    await options.clock.sleep(pause, tenure.leave.signal).catch(() => undefined)
    if (tenure.leave.signal.aborted) return false
  }
}

/** Cuts messages into runs of at most `chunkMessages` and `chunkBytes`; a single message may be larger. */
export function* chunks<T extends Pick<KafkaMessage, 'value'>>(
  messages: readonly T[],
  { chunkMessages, chunkBytes }: { readonly chunkMessages: number; readonly chunkBytes: number }
): Generator<T[]> {
  let chunk: T[] = []
  let bytes = 0
  for (const message of messages) {
    const size = message.value?.length ?? 0
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

function inputMessage({ topic, partition }: Batch, { value, offset, timestamp }: KafkaMessage): InputMessage {
  return { value, topic, source: `${topic}/${partition}/${offset}`, ingested: Number(timestamp) }
}
