import type { KafkaLogger } from './connection.ts'
import { keyOf, messagesBetween, type PartitionOffsets, position } from './offsets.ts'
import { withTimeout } from './timing.ts'

/**
 * Where a group begins with a partition. The offset that is committed counts only if it is one of this topic and of its log. `timed`:
 * where the partition starts if nothing is committed, null for its first message; undefined gives null, not known yet.
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

/** What {@link timedStarts} works with. */
export interface StartContext {
  /** From when on messages are read, epoch ms: the start of the source, or a time that the user names. */
  readonly since: number
  /** By partition, the offset of the first message with a timestamp of `time` (epoch ms) or later; the end if there is none. */
  readonly offsetsAt: (topic: string, time: number) => Promise<ReadonlyMap<number, bigint>>
  readonly logger: KafkaLogger
}

/** Time limit for looking up the offsets of one topic, ms. */
const lookupTimeout = 5000

/**
 * By `topic/partition`, where partitions start of which a group reads only what arrived since a time: at the first message since then, or
 * since the group began with the topic. With `from: latest`, what arrives while the topic can't be read is thus not lost, what is older
 * is not read, and a partition that is added later is read as a whole. Partitions whose start can't be found are left out.
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
