/** One message as it came in. */
export interface InputMessage {
  /** The packet's bytes; null for a Kafka tombstone. */
  readonly value: Uint8Array | null
  /** Topic (or `files`), for metrics. */
  readonly topic: string
  /** Where it came from: `topic/partition/offset`, or a path. Unique per message. */
  readonly source: string
  /** When it came in, epoch ms: the Kafka timestamp, or the time it was read. */
  readonly ingested: number
}

/** One message on its way out. */
export interface OutputMessage {
  readonly topic: string
  /** Messages of one key stay in order within a topic; null spreads them over partitions. */
  readonly key: string | null
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** What a batch's handler may do while it works. */
export interface BatchControl {
  /** Tells the group coordinator that this member lives; cheap to call often. */
  heartbeat(): Promise<void>
  /** Aborted when the partition is lost or the source stops: the handler ends early by throwing. */
  readonly signal: AbortSignal
}

/**
 * Handles a batch of messages of one partition, in offset order. When it resolves, every message has its outcome,
 * acknowledged: the source then commits them. When it rejects, nothing is committed and the batch comes again.
 */
export type BatchHandler = (batch: readonly InputMessage[], control: BatchControl) => Promise<void>

/** Where packets come from. */
export interface Source {
  /** Delivers batches until `stop`, or until the source is exhausted. Rejects when it can't go on. */
  run(handler: BatchHandler): Promise<void>
  /** Lets the batches in work finish and commits them. */
  stop(): Promise<void>
}

/** Where messages go. */
export interface Sink {
  /**
   * Resolves when every message is acknowledged by all in-sync replicas; keeps trying until `signal` is aborted or the
   * sink is closed, and then rejects with PUBLISH_FAILED.
   */
  send(messages: readonly OutputMessage[], signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}
