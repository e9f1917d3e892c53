const mebibyte = 1024 * 1024

/** Bounds and intervals of a source; times in ms. The fetch sizes are those that were fastest with packets of 65 kB. */
export const defaultLimits = {
  /** Maximum number of messages in one handler call. */
  chunkMessages: 500,
  /** Maximum number of bytes in one handler call (a single message may exceed it). */
  chunkBytes: 16 * mebibyte,
  /** Maximum bytes of one fetch, and of one partition in it. They limit the unhandled data per broker. */
  fetchBytes: 24 * mebibyte,
  partitionBytes: 6 * mebibyte,
  /** Maximum bytes of all fetches that are made ahead; enough for four brokers. */
  aheadBytes: 96 * mebibyte,
  /** How long a broker may hold a fetch that finds nothing. Small, because resuming a paused partition waits for it. */
  fetchWait: 150,
  /** Partitions handled at the same time. */
  concurrency: 4,
  /** A member without a heartbeat for this time is evicted from the group. */
  sessionTimeout: 10_000,
  /** How long a rebalance waits for members that finish their work. */
  rebalanceTimeout: 60_000,
  /** Handled messages are committed within this time. */
  commitInterval: 250,
  /** How often the existing topics are looked up. */
  listInterval: 60_000,
  /** How often the group's lag is read, at rest and while a night waits for an older one. */
  lagInterval: 10_000,
  backlogInterval: 1000,
  /** If the lag of a night does not shrink for this time, later nights no longer wait for it. */
  backlogPatience: 120_000,
  /** How long `stop` waits for handlers. */
  stopTimeout: 30_000,
  /** First and longest pause before a rejected chunk or a crashed consumer is retried. */
  retryFirst: 200,
  retryLongest: 10_000,
  /** The same for credentials that are refused: often enough to notice that they work again, too seldom to lock an account. */
  refusalFirst: 1000,
  refusalLongest: 60_000,
  /** The source gives up after this many crashes without progress in between, over at least this time. */
  crashes: 10,
  crashSpan: 300_000
}

export type SourceLimits = Readonly<typeof defaultLimits>
