import { z } from 'zod'
import * as kind from './kinds.ts'

/** One setting: its kind, its default and what it means. The one source of checks, environment names and docs. */
export interface Key<T> {
  readonly kind: kind.Kind<T>
  /** The value where nothing is set; undefined where `defaultText` says what happens then. */
  readonly default: T | undefined
  /** The default in words, where it is not a plain value. */
  readonly defaultText?: string
  readonly meaning: string
  /** May come from a file of its own (`…File` in YAML, `…_FILE` in the environment). */
  readonly fromFile?: true
  /** What of it is never shown: all, or a password within a URL. */
  readonly hidden?: 'all' | 'password'
}

const mechanism = kind.choice(['plain', 'scram-sha-256', 'scram-sha-512'], value => value.toLowerCase())
const port = kind.integer('a port from 0 to 65535', 0, 65535)
const count = (wants: string, maximum: number, minimum = 1) => kind.integer(wants, minimum, maximum)

const pem = (what: string) =>
  key(kind.text('the path of a PEM file'), undefined, { text: 'none', meaning: `PEM file of ${what}; turns TLS on` })
const userName = (whose: string, unset: string) =>
  key(kind.text('text'), undefined, { text: unset, fromFile: true, meaning: `SASL user name for the ${whose} cluster` })
const password = (whose: string, unset: string) =>
  key(kind.text('text'), undefined, {
    text: unset,
    fromFile: true,
    hidden: 'all',
    meaning: `SASL password for the ${whose} cluster`
  })

/** Every setting by its path, in the order of the documentation. */
export const keys = {
  'input.brokers': key(kind.list(kind.broker, 'a list of distinct host:port'), ['localhost:9092'], {
    meaning: 'the cluster that carries alerts; may differ from the output cluster'
  }),
  'input.topics': key(kind.inputTopics, 'nightly', {
    meaning:
      '`nightly` = `ztf_YYYYMMDD_programid{P}` for each P of `input.programs` over a window of UTC nights, of which those ' +
      'that exist are read; or a list of topics'
  }),
  'input.programs': key(
    kind.list(count('a programme number', 2147483647, 0), 'a list of distinct programme numbers'),
    [1],
    {
      meaning: 'survey programmes that may enter; photometry of any other is dropped before it is stored'
    }
  ),
  'input.backlog': key(kind.choice(['oldest-first', 'together']), 'oldest-first', {
    meaning: 'with several nights behind: newer nights wait while older ones lag, or all are read together'
  }),
  'input.nightsBack': key(count('a whole number from 0 to 60', 60, 0), 2, {
    meaning: 'how many past nights `nightly` keeps subscribed'
  }),
  'input.group': key(kind.text('a name of 1 to 249 characters', z.string().min(1).max(249)), 'hierax', {
    meaning: 'consumer group'
  }),
  'input.from': key(kind.choice(['earliest', 'latest']), 'earliest', { meaning: 'where a new group starts' }),
  'input.ssl': key(kind.flag, undefined, { text: 'false', meaning: '`true`: TLS with the system’s root certificates' }),
  'input.ssl.ca': pem('the authorities to trust'),
  'input.ssl.cert': pem('the client’s certificate'),
  'input.ssl.key': pem('the client’s key'),
  'input.sasl.mechanism': key(mechanism, undefined, { text: 'none', meaning: 'SASL mechanism for the input cluster' }),
  'input.sasl.username': userName('input', 'none'),
  'input.sasl.password': password('input', 'none'),
  'output.brokers': key(kind.list(kind.broker, 'a list of distinct host:port'), undefined, {
    text: 'as `input.brokers`',
    meaning: 'the cluster that gets classifications'
  }),
  'output.ssl': key(kind.flag, undefined, {
    text: 'as the input’s on the same cluster, else false',
    meaning: '`true`: TLS with the system’s root certificates'
  }),
  'output.ssl.ca': pem('the authorities to trust'),
  'output.ssl.cert': pem('the client’s certificate'),
  'output.ssl.key': pem('the client’s key'),
  'output.sasl.mechanism': key(mechanism, undefined, {
    text: 'as the input’s on the same cluster, else none',
    meaning: 'SASL mechanism for the output cluster'
  }),
  'output.sasl.username': userName('output', 'with the mechanism'),
  'output.sasl.password': password('output', 'with the mechanism'),
  'output.classifications': key(kind.topic, 'hierax.classifications', {
    meaning: 'topic of every outcome but dead letters'
  }),
  'output.deadLetters': key(kind.topic, 'hierax.dead-letters', {
    meaning: 'topic of what could not be decoded; keep it private, it holds whole packets'
  }),
  'output.partitions': key(count('a whole number from 1 to 10000', 10000), 4, {
    meaning: 'partitions of output topics, created when absent; changing it later breaks the order per object'
  }),
  'output.replication': key(kind.optional(count('a whole number from 1 to 100', 100)), null, {
    text: 'the broker’s',
    meaning: 'replication factor of output topics that are created'
  }),
  'output.encoding': key(kind.choice(['avro', 'json']), 'avro', {
    meaning: '`avro` = object container file with its schema, or `json`'
  }),
  'output.routes': key(kind.routes, [], {
    text: 'none',
    meaning:
      'a message also goes to `topic` when P(`node`) ≥ `minProbability`, or from the probability on at which the model’s ' +
      'card expects the purity `minPurity`'
  }),
  'store.url': key(kind.storeUrl, 'lmdb:./data', {
    fromFile: true,
    hidden: 'password',
    meaning: 'where light curves are kept; a password within it is masked when shown'
  }),
  'store.keepDays': key(kind.optional(kind.decimal('a number of days above 0', Number.MIN_VALUE, 1e6)), null, {
    text: 'none',
    meaning: 'drop objects for which no alert was merged for so many days of wall time'
  }),
  model: key(kind.list(kind.text('the path of a model folder'), 'a list of distinct model folders', 0), [], {
    text: 'the bundled one',
    meaning: 'model folder, or several'
  }),
  population: key(kind.population, 'stream', {
    meaning:
      'class mix that probabilities are given for: the name of a population of the model’s card, or the shares of whole ' +
      'groups of siblings. Where the card has no `stream`, the default is its first population, or the mix of the training'
  }),
  runtime: key(kind.choice(['wasm', 'node', 'auto']), 'wasm', {
    meaning: 'TensorFlow.js backend: `wasm`, `node` (tfjs-node, when it loads) or `auto`'
  }),
  'admit.minRealBogus': key(kind.decimal('a number from 0 to 1', 0, 1), 0.2, {
    meaning: '`drb` (else `rb`) below it: not classified, reason BOGUS'
  }),
  'admit.maxSolarSystemDistance': key(kind.decimal('arcseconds from 0 to 3600', 0, 3600), 5, {
    meaning: 'arcsec; a known minor planet within it: reason SOLAR_SYSTEM'
  }),
  'admit.minDetections': key(count('a whole number of at least 1', 1e6), 1, {
    meaning: 'fewer detections: reason TOO_FEW_DETECTIONS'
  }),
  'http.host': key(kind.text('a host name or address', z.string().regex(/^\S+$/)), '127.0.0.1', {
    meaning: 'address to listen on'
  }),
  'http.port': key(port, 8080, { meaning: 'port to listen on; 0 takes any free one' }),
  'http.token': key(kind.text('visible ASCII without spaces', z.string().regex(/^[\x21-\x7e]+$/)), undefined, {
    text: 'none',
    fromFile: true,
    hidden: 'all',
    meaning: 'bearer token for the API and the page; health and metrics stay open'
  }),
  workers: key(count('a whole number from 1 to 64', 64), 1, { meaning: 'processes of one group on this machine' }),
  workerTimeout: key(count('seconds from 2 to 3600', 3600, 2), 30, {
    meaning: 'seconds after which a worker that says nothing is killed and started again'
  }),
  'log.level': key(kind.choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']), 'info', {
    meaning: 'least severe level that is logged; JSON lines on stdout when not a terminal'
  })
}

/** Path of a setting. */
export type ConfigKey = keyof typeof keys

/** Checked values by path; undefined where nothing was set and there is no plain default. */
export type Values = {
  [K in ConfigKey]: (typeof keys)[K] extends Key<infer T> ? T | undefined : never
}

/** All paths. */
export const configKeys = Object.keys(keys) as ConfigKey[]

/** `input.nightsBack` → `HIERAX_INPUT_NIGHTS_BACK`. */
export function environmentName(path: string): string {
  return `HIERAX_${path
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`
}

/** Settings that may be read from a file: path of the file's name → the setting. */
export const fileKeys: ReadonlyMap<string, ConfigKey> = new Map(
  configKeys.filter(path => (keys[path] as Key<unknown>).fromFile).map(path => [`${path}File`, path])
)

function key<T>(
  of: kind.Kind<T>,
  value: NoInfer<T> | undefined,
  more: { meaning: string; text?: string; fromFile?: true; hidden?: 'all' | 'password' }
): Key<T> {
  const { meaning, text, ...rest } = more
  return { kind: of, default: value, meaning, ...rest, ...(text === undefined ? {} : { defaultText: text }) }
}
