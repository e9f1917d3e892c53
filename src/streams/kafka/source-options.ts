import type { PartitionStatus } from '../types.ts'
import type { KafkaConnection, KafkaLogger } from './client.ts'

/** The wall clock, by which nights are chosen; a test passes its own to cross midnight. */
export interface SourceClock {
  /** Epoch ms. */
  now(): number
}

/** What a source reports, for metrics. All optional, called synchronously, must not throw. */
interface SourceEvents {
  /** The topics that are read from now on; none of them may exist yet. */
  onTopics?(topics: readonly string[]): void
  onPartition?(status: PartitionStatus): void
  /** This member joined the group, for the first time or after a rebalance. */
  onRebalance?(): void
  /** The consumer crashed and is restarted. */
  onRestart?(reason: string): void
  /** Messages were removed by retention (or the topic was recreated) before they were read; reading continues. */
  onOutOfRange?(topic: string, partition: number, messages: number): void
}

/** Bounds and intervals; times in ms. */
export interface SourceLimits {
  /** Messages of one handler call at most. */
  readonly chunkMessages: number
  /** Bytes of one handler call at most (one message may exceed it). */
  readonly chunkBytes: number
  /** Bytes of one fetch, and of one partition in it: the bound for what is fetched but not handled, for each broker. */
  readonly fetchBytes: number
  readonly partitionBytes: number
  /** How long a broker may hold a fetch that finds nothing. Small, because resuming a paused partition waits for it. */
  readonly fetchWait: number
  /** Partitions handled at the same time. */
  readonly concurrency: number
  /** A member that sends no heartbeat for so long is evicted from the group. */
  readonly sessionTimeout: number
  /** How long a rebalance waits for members that finish their work. */
  readonly rebalanceTimeout: number
  /** Handled messages are committed within this time. */
  readonly commitInterval: number
  /** How often the existing topics are looked up. */
  readonly listInterval: number
  /** How often the group's lag is read, at rest and while a night waits for an older one. */
  readonly lagInterval: number
  readonly backlogInterval: number
  /** A night whose lag does not shrink for so long no longer holds back later ones. */
  readonly backlogPatience: number
  /** How long `stop` waits for handlers. */
  readonly stopTimeout: number
  /** First and longest pause before a rejected chunk or a crashed consumer is retried. */
  readonly retryFirst: number
  readonly retryLongest: number
  /** The source gives up after this many crashes without progress in between, over at least this time. */
  readonly crashes: number
  readonly crashSpan: number
}

/** Options of the Kafka source. */
export interface KafkaSourceOptions {
  readonly connection: KafkaConnection
  readonly logger: KafkaLogger
  readonly group: string
  /** Where a group that never committed starts. Topics that appear later are always read from their beginning. */
  readonly from: 'earliest' | 'latest'
  /** `nightly`, or names; topics that do not exist (yet) are waited for. */
  readonly topics: 'nightly' | readonly string[]
  readonly programs: readonly number[]
  /** Nights before the present one that are read as well; 2 when absent. */
  readonly nightsBack?: number
  /** `oldest-first` (default): newer nights wait while older ones lag. */
  readonly backlog?: 'oldest-first' | 'together'
  readonly clock?: SourceClock
  readonly events?: SourceEvents
  readonly limits?: Partial<SourceLimits>
}

/** Options with every default filled in. */
export interface ResolvedOptions extends Required<Omit<KafkaSourceOptions, 'limits'>> {
  readonly limits: SourceLimits
}

const mebibyte = 1024 * 1024

/** The fetch sizes are those that were fastest with packets of 65 kB. */
const defaultLimits: SourceLimits = {
  chunkMessages: 500,
  chunkBytes: 16 * mebibyte,
  fetchBytes: 16 * mebibyte,
  partitionBytes: 4 * mebibyte,
  fetchWait: 150,
  concurrency: 4,
  sessionTimeout: 10_000,
  rebalanceTimeout: 60_000,
  commitInterval: 250,
  listInterval: 60_000,
  lagInterval: 10_000,
  backlogInterval: 1000,
  backlogPatience: 120_000,
  stopTimeout: 30_000,
  retryFirst: 200,
  retryLongest: 10_000,
  crashes: 10,
  crashSpan: 300_000
}

/** Fills in the defaults. */
export function resolveOptions(options: KafkaSourceOptions): ResolvedOptions {
  return {
    nightsBack: 2,
    backlog: 'oldest-first',
    clock: Date,
    events: {},
    ...options,
    limits: { ...defaultLimits, ...options.limits }
  }
}
