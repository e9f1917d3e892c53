/** A part of a run in which every partition had unread packets, so that only the members bounded the rate. */
export interface Window {
  /** Epoch ms. */
  readonly from: number
  readonly to: number
  /** Alerts that were answered in it. */
  readonly alerts: number
}

/**
 * The part between `from` and `to` (epoch ms) before the first partition ran dry.
 *
 * @param answered when each packet of the backlog was answered first, in the order in which they were written
 */
export function windowOf(answered: readonly number[], partitions: number, from: number, to: number): Window {
  const last = new Array<number>(partitions).fill(Number.NEGATIVE_INFINITY)
  for (const [index, at] of answered.entries()) {
    const { partition } = placeOf(index, partitions)
    last[partition] = Math.max(last[partition] as number, at)
  }
  const end = Math.min(to, ...last)
  return { from, to: end, alerts: answered.filter(at => at > from && at <= end).length }
}

/** Packets of a record batch. Batches go to the partitions in turn. */
export const perBatch = 8

/** The partition and offset of a packet, by its place in the order in which all were written. */
export function placeOf(index: number, partitions: number): { readonly partition: number; readonly offset: number } {
  const batch = Math.floor(index / perBatch)
  return {
    partition: batch % partitions,
    offset: Math.floor(batch / partitions) * perBatch + (index % perBatch)
  }
}
