import type { KafkaLogger } from '../client/connection.ts'
import { keyOf, messagesBetween, type PartitionOffsets, position } from '../client/offsets.ts'
import { withTimeout } from '../client/timing.ts'

/**
 * Where a group starts to read a partition. A committed offset counts only if it belongs to this topic and is within its log. `timed` is the
 * start if nothing is committed: null for the first message, undefined if it is not known yet. Returns null in the last case.
 */
export function startOf(
  offsets: PartitionOffsets,
  isOtherTopic: boolean,
  timed: bigint | null | undefined
): bigint | null {
  const { low, high, committed } = offsets
  if (isOtherTopic || (committed !== null && committed > high)) return low
  if (committed !== null || timed === null) return position(offsets)
  return timed ?? null
}

/** Dependencies of {@link timedStarts}. */
export interface StartContext {
  /** The time from which messages are read, epoch ms: when the source began, or a time given by the user. */
  readonly since: number
  /** By partition, the offset of the first message with a timestamp of `time` (epoch ms) or later; the end if there is none. */
  readonly offsetsAt: (topic: string, time: number) => Promise<ReadonlyMap<number, bigint>>
  readonly logger: KafkaLogger
}

/** Time limit for looking up the offsets of one topic, ms. */
const lookupTimeout = 5000

/**
 * By `topic/partition`, the start of partitions that a group reads only from a time on: the first message since that time, or since the group
 * began to read the topic. So with `from: latest`, messages that arrive while the topic cannot be read are not lost, older messages are not
 * read, and a partition that is added later is read as a whole. Partitions whose start cannot be found are left out.
 */
export async function timedStarts(
  offsets: readonly PartitionOffsets[],
  isWaiting: (partition: PartitionOffsets) => boolean,
  context: StartContext
): Promise<ReadonlyMap<string, bigint>> {
  const starts = new Map<string, bigint>()
  const waiting = offsets.filter(isWaiting)
  for (const topic of new Set(waiting.map(entry => entry.topic))) {
    const begun = offsets.flatMap(({ topic: of, note }) => (of === topic && note?.since ? [note.since] : []))
    const since = Math.min(context.since, ...begun)
    const found = await withTimeout(context.offsetsAt(topic, since), lookupTimeout).catch(() => null)
    let skipped = 0
    let messages = 0
    for (const entry of waiting) {
      const start = entry.topic === topic ? found?.get(entry.partition) : undefined
      if (start === undefined) continue
      starts.set(keyOf(entry), start)
      skipped += messagesBetween(entry.low, start)
      messages += messagesBetween(start, entry.high)
    }
    if (found === null) continue
    const fields = { topic, since: new Date(since).toISOString(), skipped, messages }
    context.logger.info(
      fields,
      messages > 0 || skipped === 0
        ? 'the topic is read from the first message with this Kafka timestamp on'
        : 'no message of the topic has this Kafka timestamp or a later one; reading starts with new messages'
    )
  }
  return starts
}
