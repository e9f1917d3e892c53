import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaConnection, KafkaLogger } from './client.ts'

/** Time as the source sees it; a test gives its own to cross midnight. */
export interface SourceClock {
  /** Epoch ms. */
  now(): number
  /** Resolves after `ms`; rejects when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** What a source reports as it goes, for metrics. All optional, called synchronously, must not throw. */
interface SourceEvents {
  /** Messages of a partition not handled yet; −1 when this process does not own it (any more). `held`: older nights come first. */
  onLag?(topic: string, partition: number, lag: number, held: boolean): void
  /** This member joined the group, anew or after a rebalance. */
  onRebalance?(): void
  /** The consumer crashed and is made anew. */
  onRestart?(reason: string): void
  /** Messages were removed by retention (or the log was made anew) before they were read; the reading goes on. */
  onOutOfRange?(topic: string, partition: number, messages: number): void
}

/** Bounds and intervals; times in ms. */
export interface SourceLimits {
  /** Messages of one handler call at most. */
  readonly chunkMessages: number
  /** Bytes of one handler call at most (one message may exceed it). */
  readonly chunkBytes: number
  /** Bytes of one fetch, and of one partition in it: what may be fetched and not handled yet, for each broker. */
  readonly fetchBytes: number
  readonly partitionBytes: number
  /** How long a broker may hold a fetch that finds nothing. Small, because resuming a paused partition waits for it. */
  readonly fetchWait: number
  /** Partitions handled at the same time. */
  readonly concurrency: number
  /** A member that is silent for so long is taken out of the group. */
  readonly sessionTimeout: number
  /** How long a rebalance waits for members that finish their work. */
  readonly rebalanceTimeout: number
  /** Handled messages are committed within this time. */
  readonly commitInterval: number
  /** How often topics are looked for. */
  readonly listInterval: number
  /** How often the group's lag is read, at rest and while a night waits for an older one. */
  readonly lagInterval: number
  readonly backlogInterval: number
  /** A night whose lag does not shrink for so long no longer holds back later ones. */
  readonly backlogPatience: number
  /** How long `stop` lets handlers finish. */
  readonly stopTimeout: number
  /** First and longest pause before a rejected chunk or a crashed consumer is tried again. */
  readonly retryFirst: number
  readonly retryLongest: number
  /** Crashes without progress in between, and the time they span, after which the source gives up. */
  readonly crashes: number
  readonly crashSpan: number
}

/** Options of the Kafka source. */
export interface KafkaSourceOptions {
  readonly connection: KafkaConnection
  readonly logger: KafkaLogger
  readonly group: string
  /** Where a group that never committed begins. Topics that appear later are read from their beginning in any case. */
  readonly from: 'earliest' | 'latest'
  /** `nightly`, or names; those that do not exist (yet) are waited for. */
  readonly topics: 'nightly' | readonly string[]
  readonly programs: readonly number[]
  /** Nights before the present one that stay subscribed; 2 when absent. */
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

/** What holds where the options are silent; the fetch sizes are those that were fastest with packets of 65 kB. */
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

const wallClock: SourceClock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal })
}

/** Fills in the defaults. */
export function resolveOptions(options: KafkaSourceOptions): ResolvedOptions {
  return {
    nightsBack: 2,
    backlog: 'oldest-first',
    clock: wallClock,
    events: {},
    ...options,
    limits: { ...defaultLimits, ...options.limits }
  }
}
