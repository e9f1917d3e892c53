/** How to reach one Kafka cluster. */
export interface ClusterConfig {
  /** `host:port` of some of its brokers. */
  readonly brokers: readonly string[]
  /** False: no TLS. True: TLS with the system's root certificates. Else paths of PEM files. */
  readonly ssl: boolean | TlsFiles
  readonly sasl: SaslConfig | null
}

/** Paths of PEM files for TLS, relative to the working directory. */
export interface TlsFiles {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Credentials for a Kafka cluster; the mechanism as kafkajs spells it. */
export interface SaslConfig {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}

/**
 * A message also goes to `topic` when P(`node`) ≥ `minProbability`, or from the probability on at which the model's card
 * expects `minPurity`.
 */
export type Route = {
  readonly topic: string
  /** Name of a taxonomy node; whether it exists is checked when the model is loaded. */
  readonly node: string
} & (
  | { readonly minProbability: number; readonly minPurity?: undefined }
  | { readonly minPurity: number; readonly minProbability?: undefined }
)

/** What decides whether an alert gets probabilities. */
interface AdmissionConfig {
  /** `drb` (else `rb`) below it: reason BOGUS. 0–1. */
  readonly minRealBogus: number
  /** A known solar-system object within it: reason SOLAR_SYSTEM. Arcsec. */
  readonly maxSolarSystemDistance: number
  /** Fewer detections: reason TOO_FEW_DETECTIONS. */
  readonly minDetections: number
}

/** Everything that can be set, with defaults filled in and checked. */
export interface Config {
  readonly input: ClusterConfig & {
    /** `nightly`, or names of topics. */
    readonly topics: 'nightly' | readonly string[]
    /** Survey programmes whose photometry may enter. */
    readonly programs: readonly number[]
    readonly backlog: 'oldest-first' | 'together'
    readonly nightsBack: number
    readonly group: string
    readonly from: 'earliest' | 'latest'
  }
  readonly output: ClusterConfig & {
    readonly classifications: string
    readonly deadLetters: string
    readonly partitions: number
    /** Null: the broker's default. */
    readonly replication: number | null
    readonly encoding: 'avro' | 'json'
    readonly routes: readonly Route[]
  }
  readonly store: {
    readonly url: string
    /** Days of wall time; null keeps every object. */
    readonly keepDays: number | null
  }
  /** Model folders; empty for the bundled model. */
  readonly model: readonly string[]
  /** Name of a population of the model's card, or shares of whole groups of siblings; checked when the model is loaded. */
  readonly population: string | Readonly<Record<string, number>>
  readonly runtime: 'wasm' | 'node' | 'auto'
  readonly admit: AdmissionConfig
  readonly http: {
    readonly host: string
    /** 0 lets the system choose a free port. */
    readonly port: number
    readonly token: string | null
  }
  readonly workers: number
  /** Seconds after which a worker that says nothing is killed and started again. */
  readonly workerTimeout: number
  readonly log: { readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent' }
}
