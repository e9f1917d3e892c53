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
  /** The note in the metadata of the commit. */
  readonly note?: CommitNote
}

/** What Hierax stores with a committed offset, as the metadata of the commit. */
export interface CommitNote {
  /** The topic that the offset belongs to, see `TopicDescription`; null if the brokers do not tell. */
  readonly topicId: string | null
  /** Time from which the group reads the topic, epoch ms; absent if it reads from the first message. */
  readonly since: number | null
}

/** An offset to be committed; `metadata` is a {@link CommitNote} as JSON. */
export interface OffsetCommit extends TopicPartition {
  readonly offset: string
  readonly metadata?: string
}

/** The note in the metadata of a commit. Commits of other programs and of earlier releases have none. */
export function commitNote(metadata: string | null | undefined): CommitNote {
  try {
    const { topicId, since } = JSON.parse(metadata ?? 'null') as Record<string, unknown>
    return {
      topicId: typeof topicId === 'string' ? topicId : null,
      since: typeof since === 'number' ? since : null
    }
  } catch {
    return { topicId: null, since: null }
  }
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
