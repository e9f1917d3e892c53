/** One input message. Its bytes are valid until the batch has been handled; see {@link BatchHandler}. */
export interface InputMessage {
  /** The packet's bytes; null for a Kafka tombstone. */
  readonly value: Uint8Array | null
  /** The Kafka key, in which some brokers send the schema of the packet; absent or null if there is none. */
  readonly key?: Uint8Array | null
  /** The Kafka headers, as the client gives them. */
  readonly headers?: Readonly<Record<string, unknown>>
  /** Topic (or `files`), for metrics. */
  readonly topic: string
  /** Its origin: `topic/partition/offset`, or a path. Unique per message. */
  readonly source: string
  /** Its time of arrival, epoch ms: the Kafka timestamp, or the time it was read. */
  readonly ingested: number
  /** Whether that is the Kafka timestamp. */
  readonly timestamped?: boolean
}

/** One output message. */
export interface OutputMessage {
  readonly topic: string
  /** Messages of one key stay in order within a topic; null: spread over the partitions. */
  readonly key: string | null
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  /**
   * Of a message to the topic of a route, for metrics: the model's name, and the probability by which the message met the route; null if the
   * route asks for none.
   */
  readonly route?: { readonly classifier: string; readonly probability: number | null }
  /** Sent without its value, so that a compacted topic forgets the key. */
  readonly tombstone?: true
}

/** What a batch's handler gets beside the batch. */
export interface BatchControl {
  /** Tells the group coordinator that this member is alive; cheap to call often. */
  heartbeat(): Promise<void>
  /** Aborted when the partition is lost or the source stops: the handler then ends early by throwing. */
  readonly signal: AbortSignal
}

/**
 * Handles a batch of messages of one partition, in offset order. When it resolves, all output messages of the batch have
 * been acknowledged, and the source commits it. When it rejects, nothing is committed and the batch is retried.
 *
 * When it resolves, it no longer reads the messages' values, keys and headers, and neither does anything that it started: the memory is
 * used for later messages. What is to be kept must be copied.
 */
export type BatchHandler = (batch: readonly InputMessage[], control: BatchControl) => Promise<void>

/** Delivers packets. */
export interface Source {
  /** Delivers batches until `stop`, or until the source is exhausted. Rejects when it can't go on. */
  run(handler: BatchHandler): Promise<void>
  /** Lets the batches in progress finish and commits them. */
  stop(): Promise<void>
}

/** Takes messages. */
export interface Sink {
  /**
   * Resolves when every message is acknowledged by all in-sync replicas; keeps trying until `signal` is aborted or the
   * sink is closed, and then rejects with PUBLISH_FAILED.
   */
  send(messages: readonly OutputMessage[], signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** The position of a process in a partition of an input topic. */
export interface PartitionStatus {
  readonly topic: string
  readonly partition: number
  /** Messages that are not handled yet; −1: this process does not own the partition. */
  readonly lag: number
  /** Offset of the next message to handle; null while it is unknown. */
  readonly next: bigint | null
  /** It waits for an older night. */
  readonly held: boolean
}
