/** Kafka's jars and the Java that runs them. */
export interface Installation {
  readonly version: string
  readonly java: string
  readonly classPath: string
  /** Class-data archive that halves the start-up time (written when the first node exits); null if Java does not support it. */
  readonly archive: string | null
}

export interface Security {
  readonly protocol: 'plaintext' | 'ssl' | 'sasl_plaintext' | 'sasl_ssl'
  /** Name → password; each may use PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
  readonly users?: Readonly<Record<string, string>>
  /** PEM text; `key` in PKCS #8. With `clientCa`, clients must present a certificate signed by it. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly clientCa?: string }
}

/** Settings of one node. */
export interface NodeSettings {
  readonly id: number
  readonly nodes: number
  readonly voters: string
  readonly folder: string
  readonly data: string
  readonly ports: { readonly client: number; readonly internal: number; readonly controller: number }
  readonly security: Security
  readonly extra: Readonly<Record<string, string | number | boolean>>
}

export interface KafkaLocalOptions {
  /** 1 (default) or 3. */
  readonly nodes?: number
  /** Kafka's version; default `KAFKA_VERSION`, else 3.9.2. */
  readonly version?: string
  /** Port of the first node's client listener; the other nodes use the next ones. Default: free ports. */
  readonly port?: number
  /** Additional lines of server.properties; they override the defaults. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
  /** Of the client listener; default plaintext. */
  readonly security?: Security
}

/** One node of a running cluster. */
export interface KafkaNode {
  readonly id: number
  /** `host:port` of the client listener; unchanged by a restart. */
  readonly broker: string
  /** Process id; null while the node is down. */
  readonly pid: number | null
  /** Kills the node with SIGKILL, as a power failure would; its data remain. */
  kill(): Promise<void>
  /** Stops the node gracefully; its data remain. */
  stop(): Promise<void>
  /** Starts the node again with the same ports and data. */
  start(): Promise<void>
}

export interface KafkaCluster {
  readonly version: string
  /** `host:port` of each client listener. */
  readonly brokers: string[]
  /** `host:port` of each inter-broker listener, which is plaintext even if the client listener is secured. */
  readonly internalBrokers: string[]
  readonly nodes: KafkaNode[]
  /** Temporary folder of data and logs. */
  readonly folder: string
  /** Jars and Java, for running Kafka's own tools. */
  readonly installation: Installation
  /** Stops all nodes and removes the folder. */
  stop(): Promise<void>
}

/** A missing prerequisite; the message says what to install. */
export class KafkaLocalError extends Error {}

/** The default version. */
export const defaultVersion: string

/**
 * Downloads Kafka with Maven (46 MB) unless it is in the cache. Rejects with a KafkaLocalError if Java, Maven or
 * the network is unavailable, or if `signal` aborts the download.
 */
export function install(version?: string, signal?: AbortSignal): Promise<Installation>

/**
 * Starts a real Apache Kafka (KRaft) on loopback; resolves when every node accepts connections. Its processes and files are
 * removed when the calling process ends, even by SIGKILL. Rejects with a KafkaLocalError.
 */
export function startKafka(options?: KafkaLocalOptions): Promise<KafkaCluster>
