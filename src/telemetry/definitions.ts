import { type ErrorCode, errorTable } from '../errors.ts'
import { reasons } from '../messages/classification.ts'
import { dropReasons, stages } from '../pipeline/batch-stats.ts'

/** Outcomes of a consumed message. */
const outcomes = ['classified', 'not_classified', 'dead_letter'] as const
export type Outcome = (typeof outcomes)[number]

/** Parts that must be ready before the service is. */
export const parts = ['consumer', 'producer', 'store', 'model'] as const
export type Part = (typeof parts)[number]

/** Codes that a dead letter can have. */
const deadLetterCodes = (Object.keys(errorTable) as ErrorCode[]).filter(code => errorTable[code].kind === 'alert')

/** One metric: the source of its registration and of the documentation. */
export interface Definition {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels?: readonly string[]
  /** All values of the only label, if they are known: each series begins at 0. */
  readonly values?: readonly string[]
  /** Upper bounds, in the metric's unit. */
  readonly buckets?: readonly number[]
  /** How the values of worker processes are combined. Default: their sum. */
  readonly aggregator?: 'sum' | 'min' | 'max' | 'first'
}

/** Every metric of Hierax, by its name in the code: the source of registration, documentation and the types of `Metrics`. */
export const definitions = {
  consumed: {
    name: 'hierax_alerts_consumed_total',
    type: 'counter',
    help: 'Alerts fully processed, by input topic',
    labels: ['topic']
  },
  outcomes: {
    name: 'hierax_outcomes_total',
    type: 'counter',
    help: 'Outcomes of alerts; their sum equals the alerts consumed',
    labels: ['outcome'],
    values: outcomes
  },
  notClassified: {
    name: 'hierax_not_classified_total',
    type: 'counter',
    help: 'Alerts that got no probabilities, by reason',
    labels: ['reason'],
    values: reasons
  },
  deadLetters: {
    name: 'hierax_dead_letters_total',
    type: 'counter',
    help: 'Packets that could not be decoded, by error code',
    labels: ['code'],
    values: deadLetterCodes
  },
  published: {
    name: 'hierax_published_total',
    type: 'counter',
    help: 'Messages acknowledged by the output cluster',
    labels: ['topic']
  },
  stage: {
    name: 'hierax_stage_seconds',
    type: 'histogram',
    help: 'Time that a stage of the pipeline took, per batch',
    labels: ['stage'],
    values: stages,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
  },
  batch: {
    name: 'hierax_batch_alerts',
    type: 'histogram',
    help: 'Alerts per batch',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
  },
  ingestToPublish: {
    name: 'hierax_ingest_to_publish_seconds',
    type: 'histogram',
    help: 'Time from the Kafka timestamp (or arrival) of an alert to its acknowledged output',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600]
  },
  alertAge: {
    name: 'hierax_alert_age_seconds',
    type: 'histogram',
    help: 'Time from the exposure (jd) of an alert to its acknowledged output',
    buckets: [60, 300, 600, 900, 1200, 1800, 3600, 7200, 21600, 86400, 604800]
  },
  lag: {
    name: 'hierax_consumer_lag',
    type: 'gauge',
    help: 'Messages of a partition not yet consumed; -1 when this process does not own it',
    labels: ['topic', 'partition'],
    aggregator: 'max'
  },
  expired: {
    name: 'hierax_messages_expired_total',
    type: 'counter',
    help: 'Messages that retention removed from a topic before they were read',
    labels: ['topic']
  },
  rebalances: { name: 'hierax_rebalances_total', type: 'counter', help: 'Rebalances of the consumer group' },
  consumerRestarts: {
    name: 'hierax_consumer_restarts_total',
    type: 'counter',
    help: 'Restarts of the consumer after a crash'
  },
  workerRestarts: {
    name: 'hierax_worker_restarts_total',
    type: 'counter',
    help: 'Restarts of worker processes (`workers` above 1)'
  },
  publishRetries: {
    name: 'hierax_publish_retries_total',
    type: 'counter',
    help: 'Sends that were retried because the output cluster did not acknowledge them'
  },
  storeObjects: {
    name: 'hierax_store_objects',
    type: 'gauge',
    help: 'Objects in the store',
    aggregator: 'max'
  },
  storeBytes: { name: 'hierax_store_bytes', type: 'gauge', help: 'Size of the store in bytes', aggregator: 'max' },
  storeFreeBytes: {
    name: 'hierax_store_free_bytes',
    type: 'gauge',
    help: 'Free bytes on the disk or server of the store; absent if it has no limit',
    aggregator: 'min'
  },
  storeCorrupt: {
    name: 'hierax_store_corrupt_total',
    type: 'counter',
    help: 'Stored records that could not be read and are rebuilt from alerts'
  },
  tensors: { name: 'hierax_tensors', type: 'gauge', help: 'Live tensors; constant unless there is a leak' },
  modelInfo: {
    name: 'hierax_model_info',
    type: 'gauge',
    help: 'Models in use: always 1',
    labels: ['name', 'version', 'sha256', 'taxonomy', 'runtime'],
    aggregator: 'first'
  },
  ready: {
    name: 'hierax_ready',
    type: 'gauge',
    help: '1 when the part is ready, else 0',
    labels: ['part'],
    values: parts,
    aggregator: 'min'
  },
  lastProgress: {
    name: 'hierax_last_progress_timestamp_seconds',
    type: 'gauge',
    help: 'Unix time when the last batch was finished, or when the service began',
    aggregator: 'max'
  },
  pointsDropped: {
    name: 'hierax_points_dropped_total',
    type: 'counter',
    help: 'Photometric points left out, by reason',
    labels: ['reason'],
    values: dropReasons
  },
  forcedPhotometry: {
    name: 'hierax_forced_photometry_points_total',
    type: 'counter',
    help: 'Forced-photometry points in packets, which are not used'
  },
  lateAlerts: {
    name: 'hierax_late_alerts_total',
    type: 'counter',
    help: 'Alerts older than the newest of their object'
  },
  reissuedAnswers: {
    name: 'hierax_repeated_answers_total',
    type: 'counter',
    help: 'Answers to the newest alert of an object that were reissued after a late one'
  }
} as const satisfies Readonly<Record<string, Definition>>
