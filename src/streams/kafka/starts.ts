import { keyOf, type PartitionOffsets, position } from './offsets.ts'
import { withTimeout } from './timing.ts'

/**
 * Where a group begins with a partition. The offset that is committed counts only if it is one of this topic and of its log. `latest`:
 * where the partition starts if nothing is committed, null for its first message; undefined gives null, not known yet.
 */
export function startOf(
  offsets: PartitionOffsets,
  isOtherTopic: boolean,
  latest: bigint | null | undefined
): bigint | null {
  const { low, high, committed } = offsets
  if (isOtherTopic || (committed !== null && committed > high)) return low
  if (committed !== null || latest === null) return position(offsets)
  return latest ?? null
}

/** What {@link latestStarts} works with. */
export interface LatestContext {
  /** When the source began, epoch ms. */
  readonly since: number
  /** By partition, the offset of the first message at `time` (epoch ms) or later. */
  readonly offsetsAt: (topic: string, time: number) => Promise<ReadonlyMap<number, bigint>>
}

/** Time limit for looking up the offsets of one topic, ms. */
const lookupTimeout = 5000

/**
 * By `topic/partition`, where partitions start of which a group reads only what is new: at the first message since the group began with
 * the topic. What arrives while the topic can't be read is thus not lost, what is older is not read, and a partition that is added
 * later is read as a whole. Partitions whose start can't be found are left out.
 */
export async function latestStarts(
  offsets: readonly PartitionOffsets[],
  isWaiting: (partition: PartitionOffsets) => boolean,
  context: LatestContext
): Promise<ReadonlyMap<string, bigint>> {
  const starts = new Map<string, bigint>()
  const waiting = offsets.filter(isWaiting)
  for (const topic of new Set(waiting.map(entry => entry.topic))) {
    const begun = offsets.flatMap(({ topic: of, note }) => (of === topic && note?.since ? [note.since] : []))
    const since = Math.min(context.since, ...begun)
    const found = await withTimeout(context.offsetsAt(topic, since), lookupTimeout).catch(() => null)
    for (const entry of waiting) {
      const start = entry.topic === topic ? found?.get(entry.partition) : undefined
      if (start !== undefined) starts.set(keyOf(entry), start)
    }
  }
  return starts
}
