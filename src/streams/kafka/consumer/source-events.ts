import type { PartitionStatus } from '../../types.ts'
import type { InputTopicState } from './topics/topics.ts'

/** What a source reports, for metrics. All optional, called synchronously, must not throw. */
export interface SourceEvents {
  /** The topics that are read from now on. Possibly none of them exists yet. */
  onTopics?(topics: readonly string[]): void
  /** Topics were looked up: the number of configured ones by state. */
  onTopicStates?(counts: Readonly<Record<InputTopicState, number>>): void
  onPartition?(status: PartitionStatus): void
  /** This member joined the group, for the first time or after a rebalance. */
  onRebalance?(): void
  /** The consumer crashed and is restarted. */
  onRestart?(reason: string): void
  /** The cluster refused the credentials, or denied an operation. */
  onRefused?(reason: 'credentials' | 'authorization'): void
  /** Messages were removed by retention (or the topic was recreated) before they were read; reading continues. */
  onOutOfRange?(topic: string, partition: number, messages: number): void
  /** A topic was deleted and created again; the new one is read from its start. */
  onRecreated?(topic: string): void
  /** This many messages have no valid Kafka timestamp; the first one has `timestamp`. The time of arrival is used instead. */
  onInvalidTimestamps?(topic: string, count: number, timestamp: string): void
}
