import { type ErrorCode, errorTable } from '../errors.ts'
import { storeTroubles } from '../lightcurves/store.ts'
import { reasons } from '../messages/classification.ts'
import { dropReasons, stages } from '../pipeline/batch-stats.ts'
import { inputTopicStates } from '../streams/kafka/consumer/topics/topics.ts'

/** Parts that must be ready before the service is. */
export const parts = ['consumer', 'producer', 'store', 'model'] as const
export type Part = (typeof parts)[number]

/** Why HTTP refuses a connection, an event stream or a request. */
const httpRefusals = [
  ...(['connections', 'address_connections', 'connection_evicted'] as const),
  ...(['streams', 'address_streams', 'stream_evicted'] as const),
  ...(['address_requests', 'timeout', 'malformed'] as const)
] as const
export type HttpRefusal = (typeof httpRefusals)[number]

/** Kinds of HTTP routes that need a token. */
const routeKinds = ['page', 'api', 'events', 'docs', 'other'] as const
export type RouteKind = (typeof routeKinds)[number]

/** Codes that a dead letter can have. */
const deadLetterCodes = (Object.keys(errorTable) as ErrorCode[]).filter(code => errorTable[code].kind === 'alert')

/** One metric: the source of its registration and of the documentation. */
export interface Definition {
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

/** Every metric of Hierax, by its name without `hierax_`: the source of registration, documentation and the types of `Metrics`. */
export const definitions = {
  alerts_consumed_total: { type: 'counter', help: 'Alerts fully processed, by input topic', labels: ['topic'] },
  outcomes_total: {
    type: 'counter',
    help: 'Outcomes of alerts; their sum equals the alerts consumed',
    labels: ['outcome'],
    values: ['classified', 'not_classified', 'dead_letter']
  },
  not_classified_total: {
    type: 'counter',
    help: 'Alerts without probabilities, by reason',
    labels: ['reason'],
    values: reasons
  },
  predictions_total: {
    type: 'counter',
    help: 'Classified alerts by model and predicted node; node "none" where the model predicts none',
    labels: ['classifier', 'node']
  },
  prediction_probability: {
    type: 'histogram',
    help: 'Probability of the predicted node',
    labels: ['classifier'],
    buckets: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1]
  },
  novelty: {
    type: 'histogram',
    help: 'Novelty of classified alerts: 0 like the training set, 1 unlike anything in it',
    labels: ['classifier'],
    buckets: [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1]
  },
  dead_letters_total: {
    type: 'counter',
    help: 'Packets that could not be decoded or processed, by error code',
    labels: ['code'],
    values: deadLetterCodes
  },
  published_total: { type: 'counter', help: 'Messages acknowledged by the output cluster', labels: ['topic'] },
  route_messages_total: {
    type: 'counter',
    help: 'Messages acknowledged on the topics of routes, by kind: sent, or retracted (the object no longer meets the route)',
    labels: ['topic', 'kind']
  },
  route_probability: {
    type: 'histogram',
    help:
      'Probability by which a message met its route: that of the node; of nodes that must all be probable, the least; of alternatives, the ' +
      'greatest. If probabilities are calibrated, its mean is the expected purity: the share of messages, not of objects, that are right',
    labels: ['topic', 'classifier'],
    buckets: [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1]
  },
  stage_seconds: {
    type: 'histogram',
    help: 'Duration of a stage of the pipeline, per batch',
    labels: ['stage'],
    values: stages,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
  },
  batch_alerts: { type: 'histogram', help: 'Alerts per batch', buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
  ingest_to_publish_seconds: {
    type: 'histogram',
    help: 'Time from the Kafka timestamp (or arrival) of an alert to its acknowledged output',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600]
  },
  alert_age_seconds: {
    type: 'histogram',
    help: 'Time from the exposure (jd) of an alert to its acknowledged output',
    buckets: [60, 300, 600, 900, 1200, 1800, 3600, 7200, 21600, 86400, 604800]
  },
  input_topics: {
    type: 'gauge',
    help:
      'Input topics by state: read; missing (its name has no date, and it does not exist); absent (of a night, not sent yet or expired); ' +
      'dead (a partition has no leader); denied (no right to read it). A pattern counts the topics that it finds',
    labels: ['state'],
    values: inputTopicStates,
    aggregator: 'max'
  },
  consumer_lag: {
    type: 'gauge',
    help: 'Messages of a partition not yet consumed; -1 if this process does not own the partition',
    labels: ['topic', 'partition'],
    aggregator: 'max'
  },
  consumer_offset: {
    type: 'gauge',
    help: 'Offset of the next message of a partition that this process will consume',
    labels: ['topic', 'partition'],
    aggregator: 'max'
  },
  partition_held: {
    type: 'gauge',
    help: '1 while a partition waits until the alerts of an older night are consumed, else 0',
    labels: ['topic', 'partition'],
    aggregator: 'max'
  },
  messages_expired_total: {
    type: 'counter',
    help: 'Messages that retention removed from a topic before they were read',
    labels: ['topic']
  },
  invalid_timestamps_total: {
    type: 'counter',
    help: 'Messages whose Kafka timestamp is -1, 0, in seconds or in the future; their time of arrival is used'
  },
  kafka_refusals_total: {
    type: 'counter',
    help: 'Attempts that a Kafka cluster refused: cluster "input" or "output", reason "credentials" or "authorization"',
    labels: ['cluster', 'reason']
  },
  registry_failures_total: {
    type: 'counter',
    help: 'Failed requests to the schema registry, while the service starts'
  },
  current_corrections_total: {
    type: 'counter',
    help: 'Records on output.current that were written because an older one was the last of its key, or its object was removed'
  },
  topics_recreated_total: {
    type: 'counter',
    help: 'Input topics that were found deleted and created again, and are read from their start'
  },
  rebalances_total: { type: 'counter', help: 'Rebalances of the consumer group' },
  consumer_restarts_total: { type: 'counter', help: 'Restarts of the consumer after a crash' },
  worker_restarts_total: { type: 'counter', help: 'Restarts of worker processes (`workers` above 1)' },
  publish_retries_total: {
    type: 'counter',
    help: 'Sends that were retried because the output cluster did not acknowledge them'
  },
  store_objects: { type: 'gauge', help: 'Objects in the store', aggregator: 'max' },
  store_bytes: { type: 'gauge', help: 'Size of the store in bytes', aggregator: 'max' },
  store_free_bytes: {
    type: 'gauge',
    help: 'Free bytes on the disk or server of the store; absent if it has no limit',
    aggregator: 'min'
  },
  store_corrupt_total: {
    type: 'counter',
    help: 'Damaged stored records, which are rebuilt from alerts, and Valkey keys that another application has overwritten'
  },
  store_failures_total: {
    type: 'counter',
    help: 'Times that the store became unusable, by reason',
    labels: ['reason'],
    values: storeTroubles
  },
  http_refused_total: {
    type: 'counter',
    help:
      'What HTTP limits refused, by reason: connections and event streams beyond the limit of all clients, of one address, or ' +
      'evicted for an address with fewer; requests beyond the rate of one address; requests too slow or malformed',
    labels: ['reason'],
    values: httpRefusals
  },
  http_unauthorized_total: {
    type: 'counter',
    help: 'Requests that were answered with 401 or 403, by kind of route',
    labels: ['route'],
    values: routeKinds
  },
  shadow_info: {
    type: 'gauge',
    help: 'Shadow models: always 1',
    labels: ['name', 'version', 'sha256', 'taxonomy', 'runtime'],
    aggregator: 'first'
  },
  shadow_predictions_total: {
    type: 'counter',
    help: 'Alerts classified by a shadow model, by predicted node; node "none" where it predicts none',
    labels: ['classifier', 'sha256', 'node']
  },
  shadow_agreement_total: {
    type: 'counter',
    help: 'Alerts by how the predictions of a shadow model and of the first model relate: same, ancestor (one node is above the other), different, incomparable',
    labels: ['classifier', 'sha256', 'agreement']
  },
  shadow_skipped_total: {
    type: 'counter',
    help: 'Alerts that a shadow model left out: busy (alerts arrive faster than it classifies) or failed',
    labels: ['classifier', 'sha256', 'reason']
  },
  shadow_seconds_total: {
    type: 'counter',
    help: 'Time that a shadow model took, in seconds',
    labels: ['classifier', 'sha256']
  },
  reclassify_objects: {
    type: 'gauge',
    help: 'Objects of the last `hierax reclassify` of this store: all, and those that are done',
    labels: ['state'],
    values: ['total', 'done'],
    aggregator: 'max'
  },
  tensors: {
    type: 'gauge',
    help: 'Live tensors of TensorFlow.js; constant unless there is a leak. 0 on the runtime wasm'
  },
  model_info: {
    type: 'gauge',
    help: 'Models in use: always 1',
    labels: ['name', 'version', 'sha256', 'taxonomy', 'runtime'],
    aggregator: 'first'
  },
  ready: {
    type: 'gauge',
    help: '1 when the part is ready, else 0',
    labels: ['part'],
    values: parts,
    aggregator: 'min'
  },
  last_progress_timestamp_seconds: {
    type: 'gauge',
    help: 'Unix time when the last batch was finished, or when the service began',
    aggregator: 'max'
  },
  points_total: {
    type: 'counter',
    help: 'Photometric points in packets, those that were left out included'
  },
  clock_seconds: {
    type: 'gauge',
    help: 'Unix time by the clock of this machine when it was scraped',
    aggregator: 'first'
  },
  points_dropped_total: {
    type: 'counter',
    help: 'Photometric points that were dropped, by reason',
    labels: ['reason'],
    values: dropReasons
  },
  forced_photometry_points_total: {
    type: 'counter',
    help: 'Forced-photometry points in packets; they are not used'
  },
  late_alerts_total: { type: 'counter', help: 'Alerts older than the newest alert of their object' },
  repeated_answers_total: {
    type: 'counter',
    help: 'Classifications of the newest alert of an object that were published again after a late alert'
  }
} as const satisfies Readonly<Record<string, Definition>>

/** A metric, by its name without `hierax_`. */
export type Metric = keyof typeof definitions

/** The name under which a metric is exposed. */
export function metricName(metric: string): string {
  return `hierax_${metric}`
}
