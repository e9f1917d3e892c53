/** Kafka's jars and the Java that runs them. */
export interface Installation {
  readonly version: string
  readonly java: string
  readonly classPath: string
  /** Class-data archive that halves the start-up (made by the first node's exit); null where Java knows none. */
  readonly archive: string | null
}

export interface Security {
  readonly protocol: 'plaintext' | 'ssl' | 'sasl_plaintext' | 'sasl_ssl'
  /** Name → password; each may use PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
  readonly users?: Readonly<Record<string, string>>
  /** PEM text; `key` in PKCS #8. With `clientCa`, clients must show a certificate that it signed. */
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
  /** Port of the first node's client listener, the others' follow; free ones by default. */
  readonly port?: number
  /** Further lines of server.properties; they win over the defaults. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
  /** Of the client listener; default plaintext. */
  readonly security?: Security
}

/** One node of a running cluster. */
export interface KafkaNode {
  readonly id: number
  /** `host:port` of the client listener; the same after a restart. */
  readonly broker: string
  /** Its process; null while it is down. */
  readonly pid: number | null
  /** Ends it as a power cut would (SIGKILL); its data stay. */
  kill(): Promise<void>
  /** Ends it in good order; its data stay. */
  stop(): Promise<void>
  /** Starts it again on the same ports and data. */
  start(): Promise<void>
}

export interface KafkaCluster {
  readonly version: string
  /** `host:port` of each client listener. */
  readonly brokers: string[]
  /** `host:port` of each plaintext listener (the brokers' own), also where the client listener is secured. */
  readonly internalBrokers: string[]
  readonly nodes: KafkaNode[]
  /** Temporary folder of data and logs. */
  readonly folder: string
  /** Jars and Java, to run one of Kafka's own tools. */
  readonly installation: Installation
  /** Ends all nodes and removes the folder. */
  stop(): Promise<void>
}

/** Something that this machine lacks or refuses; its message says what to install. */
export class KafkaLocalError extends Error {}

/** The version that is started when none is named. */
export const defaultVersion: string

/**
 * Fetches Kafka when it is not in the cache yet (46 MB, by Maven). Rejects with a KafkaLocalError where Java, Maven or
 * the network is missing, or when `signal` ends the fetching.
 */
export function install(version?: string, signal?: AbortSignal): Promise<Installation>

/**
 * Starts a real Apache Kafka (KRaft) on loopback; resolves when every node takes connections. Nothing outlives the
 * process that called it, however that ends. Rejects with a KafkaLocalError.
 */
export function startKafka(options?: KafkaLocalOptions): Promise<KafkaCluster>
