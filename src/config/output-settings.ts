import { z } from 'zod'
import { type Compression, compressions, defaultCompression } from '../compression/compressors.ts'
import { type Encoding, formats } from '../messages/encoding.ts'
import { brokers, sasl, ssl } from './cluster-settings.ts'
import * as kind from './kinds.ts'
import { routes } from './routes.ts'
import { setting } from './settings.ts'

/** The section `output`: where messages go, and in which form. */
export const output = z.object({
  brokers: setting(kind.optional(brokers), {
    defaultText: 'as `input.brokers`',
    meaning:
      'cluster for the output; with `none` nothing is published: classifications are only on the page and in the API, dead letters ' +
      'only in the log'
  }),
  ssl: ssl('as the input’s on the same cluster, else false'),
  sasl: sasl('output', {
    mechanism: 'as the input’s on the same cluster, else none',
    others: 'with the mechanism'
  }),
  classifications: setting(kind.topic, {
    default: 'hierax.classifications',
    meaning: 'topic of all classifications, including messages without probabilities'
  }),
  deadLetters: setting(kind.topic, {
    default: 'hierax.dead-letters',
    meaning: 'topic of packets that could not be processed; keep it private, as it contains whole packets'
  }),
  models: setting(kind.optional(kind.topic), {
    default: 'hierax.models',
    meaning:
      'compacted topic on which the service announces its models, and which of them are retired; `none` turns it off'
  }),
  current: setting(kind.optional(kind.topic), {
    default: null,
    defaultText: 'none',
    meaning: 'compacted topic with the current classification of every object by every model, such as `hierax.current`'
  }),
  desc: z.object({
    topic: setting(kind.optional(kind.topic), {
      default: null,
      defaultText: 'none',
      meaning:
        'topic with the classifications in the form of DESC (`brokerClassification` of ELAsTiCC), such as `hierax.desc`'
    }),
    classes: setting(kind.text('the path of a JSON file'), {
      default: null,
      defaultText: 'the taxonomy’s',
      meaning: 'JSON file with the class ids of nodes for `output.desc.topic`, such as `{"SN Ia": 2222}`'
    })
  }),
  groupPrefix: setting(kind.text('1 to 200 characters', z.string().min(1).max(200)), {
    default: 'hierax-tail-',
    meaning:
      'how the names of the short-lived consumer groups begin that read output topics (`hierax tail`, `output.models`)'
  }),
  partitions: setting(kind.integer('a whole number from 1 to 10000', 1, 10000), {
    default: 4,
    meaning: 'number of partitions of output topics that are created; a later change breaks the order per object'
  }),
  replication: setting(kind.optional(kind.integer('a whole number from 1 to 100', 1, 100)), {
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
  registry: z.object({
    url: setting(kind.httpUrl, {
      default: null,
      defaultText: 'none',
      meaning:
        "address of the schema registry (Confluent's REST API) for `output.encoding: confluent`. The subject of a topic is its name and `-value`"
    }),
    autoRegister: setting(kind.flag, {
      default: true,
      meaning: 'registers the schema if the subject does not have it; otherwise it must be there'
    }),
    username: setting(kind.text('text'), {
      default: null,
      defaultText: 'none',
      fromFile: true,
      meaning: 'user name for the registry'
    }),
    password: setting(kind.text('text'), {
      default: null,
      defaultText: 'none',
      fromFile: true,
      hidden: 'all',
      meaning: 'password for the registry'
    }),
    token: setting(kind.token, {
      default: null,
      defaultText: 'none',
      fromFile: true,
      hidden: 'all',
      meaning: 'bearer token for the registry, instead of user name and password'
    }),
    ca: setting(kind.text('the path of a PEM file'), {
      default: null,
      defaultText: 'the roots of Node',
      meaning: 'PEM file of the authorities to trust at the registry'
    })
  }),
  compression: setting(kind.choice<Compression>(compressions), {
    default: defaultCompression,
    defaultText: '`zstd` if Node has it (22.15 and later), else `gzip`',
    meaning: 'compression of record batches on the output topics'
  }),
  routes: setting(routes, {
    default: [],
    defaultText: 'none',
    meaning:
      'copies a message to `topic` if P(`node`) ≥ `minProbability`, or ≥ the threshold for the purity `minPurity` in the ' +
      'model’s card, and if it meets the other conditions of the route'
  })
})
