export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Offsets of one partition, as the brokers and a group's coordinator report them. */
export interface PartitionOffsets extends TopicPartition {
  /** First offset that is still there. */
  readonly low: bigint
  /** Offset that the next message will get. */
  readonly high: bigint
  /** The group's committed offset; null when it never committed. */
  readonly committed: bigint | null
}

/** `topic/partition`. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

/** Where the group resumes: at its committed offset, or at the first message that is still retained. */
export function position({ committed, low }: PartitionOffsets): bigint {
  return committed === null || committed < low ? low : committed
}

/** Messages of one partition that the group has not handled yet. */
export function lagOf(offsets: PartitionOffsets): number {
  return messagesBetween(position(offsets), offsets.high)
}

/** Number of offsets from one up to another; 0 when it is past the other. */
export function messagesBetween(from: bigint, to: bigint): number {
  return to > from ? Number(to - from) : 0
}
