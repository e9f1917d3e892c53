import type { PartitionStatus } from '../types.ts'
import type { KafkaConnection, KafkaLogger } from './client.ts'

/** The wall clock, which determines the current night; tests pass their own. */
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
  /** Maximum number of messages in one handler call. */
  readonly chunkMessages: number
  /** Maximum number of bytes in one handler call (a single message may exceed it). */
  readonly chunkBytes: number
  /** Maximum bytes of one fetch, and of one partition in it. They bound the unhandled data per broker. */
  readonly fetchBytes: number
  readonly partitionBytes: number
  /** How long a broker may hold a fetch that finds nothing. Small, because resuming a paused partition waits for it. */
  readonly fetchWait: number
  /** Partitions handled at the same time. */
  readonly concurrency: number
  /** A member without a heartbeat for this time is evicted from the group. */
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
  /** If the lag of a night does not shrink for this time, later nights no longer wait for it. */
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
  /** Where a group without committed offsets starts. Topics that appear later are always read from the beginning. */
  readonly from: 'earliest' | 'latest'
  /** `nightly`, or names. The source waits for topics that do not exist yet. */
  readonly topics: 'nightly' | readonly string[]
  readonly programs: readonly number[]
  /** Number of earlier nights to read as well; default 2. */
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
