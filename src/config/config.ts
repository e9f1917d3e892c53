import { z } from 'zod'
import type { Immutable } from '../immutable.ts'
import { brokers, sasl, ssl } from './cluster-settings.ts'
import * as kind from './kinds.ts'
import { output } from './output-settings.ts'
import { setting } from './settings.ts'

/*
 * Every setting, stated once: names in the file and in the environment, types, defaults, docs/configuration.md and what is masked when
 * shown follow from here.
 */

const count = (expected: string, maximum: number, minimum = 1) => kind.integer(expected, minimum, maximum)
const programs = (minimum: number) =>
  kind.list(count('a programme number', 2147483647, 0), 'a list of distinct programme numbers', minimum)
const modelFolders = kind.list(kind.text('the path of a model folder'), 'a list of distinct model folders', 0)
const host = kind.text('a host name or address', z.string().regex(/^\S+$/))
const port = kind.integer('a port from 0 to 65535', 0, 65535)

export const configSchema = z.object({
  input: z.object({
    brokers: setting(brokers, {
      default: ['localhost:9092'],
      meaning: 'cluster with the alerts; may differ from the output cluster'
    }),
    ssl: ssl('false'),
    sasl: sasl('input', { mechanism: 'none', others: 'none' }),
    topics: setting(kind.inputTopics, {
      default: 'nightly',
      meaning:
        '`nightly` = `ztf_YYYYMMDD_programid{P}` for each P of `input.programs` (and `…_public` for `input.publicPrograms`) over a ' +
        'window of UTC nights, of which the existing ones are read; or a list of topics and patterns such as `babamul.ztf.*`, which are looked up every minute'
    }),
    programs: setting(programs(1), {
      default: [1],
      meaning: 'survey programmes to process; photometry of other programmes is dropped before it is stored'
    }),
    backlog: setting(kind.choice(['oldest-first', 'together']), {
      default: 'oldest-first',
      meaning: 'order of a backlog of several nights: newer nights wait for older ones, or all are read together'
    }),
    nightsBack: setting(count('a whole number from 0 to 60', 60, 0), {
      default: 2,
      meaning: 'number of past nights to which `nightly` subscribes'
    }),
    group: setting(kind.text('a name of 1 to 249 characters', z.string().min(1).max(249)), {
      default: 'hierax',
      meaning: 'consumer group'
    }),
    from: setting(kind.start, {
      default: 'earliest',
      meaning:
        'where a consumer group starts in partitions of which it has committed nothing: at the first message, with new messages, or ' +
        'with the first message whose Kafka timestamp is at or after a time'
    }),
    publicPrograms: setting(programs(0), {
      default: [],
      defaultText: 'none',
      meaning:
        'programmes of which the public part is processed too: photometry of programme P from topics whose names end with ' +
        '`_programidP_public`. Elsewhere, only `input.programs` counts'
    }),
    schema: setting(kind.optional(kind.text('the path of an Avro schema (JSON)')), {
      default: null,
      defaultText: 'none',
      meaning:
        'Avro schema of messages that are bare records (also after Confluent’s framing) and whose keys do not contain the schema'
    }),
    maxFutureDays: setting(kind.optional(kind.decimal('a number of days from 0 to 36500', 0, 36_500)), {
      default: 1,
      meaning:
        'an alert whose `jd` is more than this number of days after the Kafka timestamp of its packet (or after its arrival, if the ' +
        'timestamp is invalid) becomes a dead letter, FUTURE_DATE; `none` for streams with simulated dates. Files are not checked'
    })
  }),
  output,
  store: z.object({
    url: setting(kind.storeUrl, {
      default: 'lmdb:./data',
      fromFile: true,
      hidden: 'password',
      meaning: 'store of the light curves; a password in it is masked in output'
    }),
    keepDays: setting(kind.optional(kind.decimal('a number of days above 0', Number.MIN_VALUE, 1e6)), {
      default: null,
      defaultText: 'none',
      meaning: 'remove objects without a merged alert for this number of days of wall time'
    })
  }),
  model: setting(modelFolders, {
    default: [],
    defaultText: 'the bundled model',
    meaning: 'one or more model folders'
  }),
  shadow: setting(modelFolders, {
    default: [],
    defaultText: 'none',
    meaning: 'model folders that classify without publishing, to compare them with the first model'
  }),
  population: setting(kind.population, {
    default: 'stream',
    meaning:
      'class mix for which probabilities are calibrated: a population of the model’s card, or shares of whole groups of ' +
      'siblings. If the card has no `stream`, the default is its first population, else the mix of the training set'
  }),
  runtime: setting(kind.choice(['wasm', 'node', 'auto']), {
    default: 'wasm',
    meaning:
      'what computes the networks: `wasm` (a WebAssembly kernel), `node` (tfjs-node) or `auto` (tfjs-node if installed, else `wasm`)'
  }),
  admit: z.object({
    minRealBogus: setting(kind.decimal('a number from 0 to 1', 0, 1), {
      default: 0.2,
      meaning: 'alerts with a lower `drb` (else `rb`) are not classified, reason BOGUS'
    }),
    maxSolarSystemDistance: setting(kind.decimal('arcseconds from 0 to 3600', 0, 3600), {
      default: 5,
      meaning:
        'alerts with a known solar-system object within this distance, arcsec, are not classified, reason SOLAR_SYSTEM'
    }),
    minDetections: setting(count('a whole number of at least 1', 1e6), {
      default: 1,
      meaning: 'alerts with fewer detections are not classified, reason TOO_FEW_DETECTIONS'
    })
  }),
  http: z.object({
    host: setting(host, {
      default: '127.0.0.1',
      meaning: 'address to listen on'
    }),
    port: setting(port, {
      default: 8080,
      meaning: 'port to listen on; 0 selects a free port'
    }),
    token: setting(kind.token, {
      default: null,
      defaultText: 'none',
      fromFile: true,
      hidden: 'all',
      meaning: 'bearer token for the API and the page; not required for health checks and metrics'
    }),
    cutouts: setting(kind.keptObjects(1000, 100_000), {
      default: null,
      defaultText: 'none',
      meaning:
        'number of objects of which the images of the latest alert are kept beside the store and shown; the least recently updated ' +
        'one is dropped. About 50 kB each'
    }),
    trustedProxies: setting(
      kind.list(kind.network, 'a list of distinct IP addresses, or networks as address/bits', 0),
      {
        default: [],
        defaultText: 'none',
        meaning:
          'reverse proxies whose `X-Forwarded-For` gives the address to which limits apply; the header is ignored otherwise'
      }
    ),
    management: z.object({
      host: setting(host, {
        default: null,
        defaultText: 'as `http.host`',
        meaning: 'address of the management port'
      }),
      port: setting(kind.optional(port), {
        default: null,
        defaultText: 'none: only `http.port`',
        meaning:
          'a further port with health checks and metrics only, which clients of `http.port` cannot use up; 0 selects a free ' +
          'port'
      })
    })
  }),
  workers: setting(count('a whole number from 1 to 64', 64), {
    default: 1,
    meaning: 'number of processes of the consumer group on this machine'
  }),
  workerTimeout: setting(count('seconds from 2 to 3600', 3600, 2), {
    default: 30,
    meaning: 'seconds after which a silent worker is killed and restarted'
  }),
  log: z.object({
    level: setting(kind.choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']), {
      default: 'info',
      meaning: 'minimum level of the log; the log is JSON lines on stdout unless stdout is a terminal'
    })
  })
})

/** Everything that can be set, with defaults filled in and checked. */
export type Config = Immutable<z.infer<typeof configSchema>>

/** How to reach one Kafka cluster. */
export type ClusterConfig = Pick<Config['input'], 'brokers' | 'ssl' | 'sasl'>

/** Path of a setting, or of a section of them. */
export type ConfigPath = Paths<Config>

type Paths<T> = T extends readonly unknown[]
  ? never
  : T extends object
    ? { [K in keyof T & string]: K | `${K}.${Paths<T[K]>}` }[keyof T & string]
    : never
