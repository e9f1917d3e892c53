import { z } from 'zod'
import type { Immutable } from '../immutable.ts'
import { type Encoding, formats } from '../messages/encoding.ts'
import * as kind from './kinds.ts'
import { setting } from './settings.ts'

/*
 * Every setting, stated once: names in the file and in the environment, types, defaults, docs/configuration.md and what is masked when
 * shown follow from here.
 */

const mechanism = kind.choice(['plain', 'scram-sha-256', 'scram-sha-512'], value => value.toLowerCase())
const brokers = kind.list(kind.broker, 'a list of distinct host:port')
const count = (expected: string, maximum: number, minimum = 1) => kind.integer(expected, minimum, maximum)

const pem = (what: string) =>
  z.exactOptional(
    setting(kind.text('the path of a PEM file'), {
      defaultText: 'none',
      meaning: `PEM file of ${what}; turns TLS on`
    })
  )

/** TLS of a cluster: on or off, or PEM files (paths relative to the working directory). */
const ssl = (defaultText: string) =>
  z.union([
    setting(kind.flag, { defaultText, meaning: '`true`: TLS with the system’s root certificates' }),
    z.object({
      ca: pem('the authorities to trust'),
      cert: pem('the client’s certificate'),
      key: pem('the client’s key')
    })
  ])

/** Credentials for a cluster. */
const sasl = (side: string, unset: { readonly mechanism: string; readonly others: string }) =>
  z
    .object({
      mechanism: setting(mechanism, {
        defaultText: unset.mechanism,
        meaning: `SASL mechanism for the ${side} cluster`
      }),
      username: setting(kind.text('text'), {
        defaultText: unset.others,
        fromFile: true,
        meaning: `SASL user name for the ${side} cluster`
      }),
      password: setting(kind.text('text'), {
        defaultText: unset.others,
        fromFile: true,
        hidden: 'all',
        meaning: `SASL password for the ${side} cluster`
      })
    })
    .nullable()

export const configSchema = z.object({
  input: z.object({
    brokers: setting(brokers, {
      default: ['localhost:9092'],
      meaning: 'the cluster that carries alerts; may differ from the output cluster'
    }),
    ssl: ssl('false'),
    sasl: sasl('input', { mechanism: 'none', others: 'none' }),
    topics: setting(kind.inputTopics, {
      default: 'nightly',
      meaning:
        '`nightly` = `ztf_YYYYMMDD_programid{P}` for each P of `input.programs` over a window of UTC nights, of which those ' +
        'that exist are read; or a list of topics'
    }),
    programs: setting(kind.list(count('a programme number', 2147483647, 0), 'a list of distinct programme numbers'), {
      default: [1],
      meaning: 'survey programmes that may enter; photometry of any other is dropped before it is stored'
    }),
    backlog: setting(kind.choice(['oldest-first', 'together']), {
      default: 'oldest-first',
      meaning: 'with several nights behind: newer nights wait while older ones lag, or all are read together'
    }),
    nightsBack: setting(count('a whole number from 0 to 60', 60, 0), {
      default: 2,
      meaning: 'how many past nights `nightly` keeps subscribed'
    }),
    group: setting(kind.text('a name of 1 to 249 characters', z.string().min(1).max(249)), {
      default: 'hierax',
      meaning: 'consumer group'
    }),
    from: setting(kind.choice(['earliest', 'latest']), { default: 'earliest', meaning: 'where a new group starts' })
  }),
  output: z.object({
    brokers: setting(brokers, { defaultText: 'as `input.brokers`', meaning: 'the cluster that gets classifications' }),
    ssl: ssl('as the input’s on the same cluster, else false'),
    sasl: sasl('output', {
      mechanism: 'as the input’s on the same cluster, else none',
      others: 'with the mechanism'
    }),
    classifications: setting(kind.topic, {
      default: 'hierax.classifications',
      meaning: 'topic of every outcome but dead letters'
    }),
    deadLetters: setting(kind.topic, {
      default: 'hierax.dead-letters',
      meaning: 'topic of what could not be decoded; keep it private, it holds whole packets'
    }),
    partitions: setting(count('a whole number from 1 to 10000', 10000), {
      default: 4,
      meaning: 'partitions of output topics, created when absent; changing it later breaks the order per object'
    }),
    replication: setting(kind.optional(count('a whole number from 1 to 100', 100)), {
      default: null,
      defaultText: 'the broker’s',
      meaning: 'replication factor of output topics that are created'
    }),
    encoding: setting(kind.choice(Object.keys(formats) as Encoding[]), {
      default: 'avro',
      meaning: Object.entries(formats)
        .map(([name, { meaning }]) => `\`${name}\` = ${meaning}`)
        .join(', ')
    }),
    routes: setting(kind.routes, {
      default: [],
      defaultText: 'none',
      meaning:
        'a message also goes to `topic` when P(`node`) ≥ `minProbability`, or from the probability on at which the model’s ' +
        'card expects the purity `minPurity`'
    })
  }),
  store: z.object({
    url: setting(kind.storeUrl, {
      default: 'lmdb:./data',
      fromFile: true,
      hidden: 'password',
      meaning: 'where light curves are kept; a password within it is masked when shown'
    }),
    keepDays: setting(kind.optional(kind.decimal('a number of days above 0', Number.MIN_VALUE, 1e6)), {
      default: null,
      defaultText: 'none',
      meaning: 'drop objects for which no alert was merged for so many days of wall time'
    })
  }),
  model: setting(kind.list(kind.text('the path of a model folder'), 'a list of distinct model folders', 0), {
    default: [],
    defaultText: 'the bundled one',
    meaning: 'model folder, or several'
  }),
  population: setting(kind.population, {
    default: 'stream',
    meaning:
      'class mix that probabilities are given for: the name of a population of the model’s card, or the shares of whole ' +
      'groups of siblings. Where the card has no `stream`, the default is its first population, or the mix of the training'
  }),
  runtime: setting(kind.choice(['wasm', 'node', 'auto']), {
    default: 'wasm',
    meaning: 'TensorFlow.js backend: `wasm`, `node` (tfjs-node, when it loads) or `auto`'
  }),
  admit: z.object({
    minRealBogus: setting(kind.decimal('a number from 0 to 1', 0, 1), {
      default: 0.2,
      meaning: '`drb` (else `rb`) below it: not classified, reason BOGUS'
    }),
    maxSolarSystemDistance: setting(kind.decimal('arcseconds from 0 to 3600', 0, 3600), {
      default: 5,
      meaning: 'arcsec; a known minor planet within it: reason SOLAR_SYSTEM'
    }),
    minDetections: setting(count('a whole number of at least 1', 1e6), {
      default: 1,
      meaning: 'fewer detections: reason TOO_FEW_DETECTIONS'
    })
  }),
  http: z.object({
    host: setting(kind.text('a host name or address', z.string().regex(/^\S+$/)), {
      default: '127.0.0.1',
      meaning: 'address to listen on'
    }),
    port: setting(kind.integer('a port from 0 to 65535', 0, 65535), {
      default: 8080,
      meaning: 'port to listen on; 0 takes any free one'
    }),
    token: setting(kind.text('visible ASCII without spaces', z.string().regex(/^[\x21-\x7e]+$/)), {
      default: null,
      defaultText: 'none',
      fromFile: true,
      hidden: 'all',
      meaning: 'bearer token for the API and the page; health and metrics stay open'
    })
  }),
  workers: setting(count('a whole number from 1 to 64', 64), {
    default: 1,
    meaning: 'processes of one group on this machine'
  }),
  workerTimeout: setting(count('seconds from 2 to 3600', 3600, 2), {
    default: 30,
    meaning: 'seconds after which a worker that does not report is killed and started again'
  }),
  log: z.object({
    level: setting(kind.choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']), {
      default: 'info',
      meaning: 'least severe level that is logged; JSON lines on stdout when not a terminal'
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
