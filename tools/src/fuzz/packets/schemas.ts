import {
  block,
  container,
  encoded,
  head,
  long,
  packetFields,
  packetSchema,
  type SchemaJson
} from '../../../../test/alerts/packets.ts'
import { type Recipe, recipes } from './recipe.ts'

const dangerousNames = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'a"b',
  "a'b",
  'a\nb',
  'a`$\u007bprocess.exit(1)}`',
  'return',
  'a-b',
  '',
  '1a',
  'a\0',
  'é',
  'x'.repeat(300),
  'a;process.exit()',
  '*/',
  '//',
  '\u2028'
]

const record = (name: string, fields: unknown[]): SchemaJson => ({ type: 'record', name, fields })
const field = (name: string, type: SchemaJson): { name: string; type: SchemaJson } => ({ name, type })

/** A packet whose schema has an additional field, with the given bytes for it. */
function withField(extra: unknown, bytes: Buffer): Buffer {
  const schema = packetSchema([...packetFields, extra as (typeof packetFields)[number]])
  return Buffer.concat([head(schema), block(1, Buffer.concat([encoded({ objectId: 'FUZ-schema' }), bytes]))])
}

/** A packet with this text as its schema. */
const withText = (text: string): Buffer =>
  Buffer.concat([head(Buffer.from(text)), block(1, encoded({ objectId: 'FUZ-text' }))])

/** Records that each hold the next one twice: 2^depth values of `leaf`. */
function doubling(depth: number, leaf: SchemaJson): SchemaJson {
  let inner: SchemaJson = leaf
  for (let level = 0; level < depth; level++)
    inner = record(`d${level}`, [field('a', inner), field('b', level === 0 ? leaf : `d${level - 1}`)])
  return inner
}

/** A recursive list with this many levels. */
function deepList(levels: number): Buffer {
  return withField(
    field('list', record('list', [field('next', ['null', 'list'])])),
    Buffer.concat([Buffer.alloc(levels, 2), long(0)])
  )
}

const counts = [2n ** 62n, -(2n ** 62n), 2n ** 31n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 1_000_000_000n]

/** Writer schemas that no survey would write. */
export const schemas: readonly Recipe[] = [
  ...recipes(6, {
    'a schema never seen before': (_random, _bases, serial) =>
      container({ objectId: 'FUZ-distinct' }, { ...(packetSchema() as object), doc: `schema ${serial}` }),
    'a rejected schema never seen before': (_random, _bases, serial) =>
      withText(`{"type":"record","name":"r${serial}"}`)
  }),
  ...recipes(2, {
    'field named like JavaScript': random => withField(field(random.pick(dangerousNames), 'int'), long(1)),
    'record named like JavaScript': random =>
      withField(field('more', record(random.pick(dangerousNames), [field('a', 'int')])), long(1)),
    'namespace like JavaScript': random =>
      Buffer.concat([
        head({ ...(packetSchema() as object), namespace: random.pick(dangerousNames) }),
        block(1, encoded({ objectId: 'FUZ-name' }))
      ]),
    'symbols like JavaScript': random =>
      withField(field('kind', { type: 'enum', name: 'kind', symbols: [random.pick(dangerousNames), 'A'] }), long(0)),
    'aliases, defaults and logical types': random =>
      withField(
        {
          name: 'when',
          type: { type: 'long', logicalType: random.pick(['timestamp-millis', 'uuid', '__proto__']) },
          aliases: [random.pick(dangerousNames)],
          default: 'never'
        },
        long(random.integer(0, 2 ** 40))
      ),
    'union out of range': random =>
      withField(field('u', ['null', 'int']), long(random.pick([2n, -1n, 99n, 2n ** 62n]))),
    'array of null with a bogus count': random =>
      withField(field('n', { type: 'array', items: 'null' }), Buffer.concat([long(random.pick(counts)), long(0)])),
    'array of empty items with bogus block sizes': random =>
      withField(
        field('n', { type: 'array', items: { type: 'fixed', name: 'empty', size: 0 } }),
        Buffer.concat([long(-(2n ** 62n)), long(random.pick(counts)), long(0)])
      ),
    'map with a bogus count': random =>
      withField(field('m', { type: 'map', values: 'null' }), Buffer.concat([long(random.pick(counts)), long(0)])),
    'fixed of any size': random =>
      withField(
        field('f', { type: 'fixed', name: 'f', size: random.pick([0, 2 ** 53, -1, 1.5, 2 ** 31, 1e300]) }),
        Buffer.alloc(8)
      ),
    'recursive list': random => deepList(random.pick([10, 63, 64, 65, 1000, 100_000])),
    'record that contains itself': () =>
      withText(
        '{"type":"record","name":"alert","fields":[{"name":"candidate","type":"alert"},{"name":"objectId","type":"string"}]}'
      ),
    'nested arrays': random => {
      const depth = random.pick([10, 60, 70, 1000, 10_000])
      return withText(`${'{"type":"array","items":'.repeat(depth)}"int"${'}'.repeat(depth)}`)
    },
    'nested type objects': random => {
      const depth = random.pick([10, 70, 5000])
      return withText(`${'{"type":'.repeat(depth)}"int"${'}'.repeat(depth)}`)
    },
    'not a schema': random =>
      withText(
        random.pick([
          '',
          '{',
          'null',
          '[]',
          '"alert"',
          '1',
          '[["null"]]',
          '{"type":{}}',
          '{"type":"record","name":"a","fields":{}}',
          '\ufeff{}',
          '{"type":["null"]}'
        ])
      ),
    'exponentially nested records': random =>
      withField(
        field('d', doubling(random.pick([5, 20, 40, 60]), random.pick<SchemaJson>(['null', 'int', 'boolean']))),
        Buffer.alloc(2000)
      )
  }),
  ...recipes(0.1, {
    'thousands of fields': random =>
      withText(
        JSON.stringify(
          record(
            'alert',
            Array.from({ length: random.pick([4000, 4999, 6000, 7000]) }, (_, index) => field(`f${index}`, 'int'))
          )
        )
      ),
    'schema around the maximum length': random =>
      withText(
        JSON.stringify({ ...(packetSchema() as object), doc: 'x'.repeat(random.pick([250_000, 262_144, 1_000_000])) })
      ),
    'union of thousands of types': () =>
      withText(
        JSON.stringify(Array.from({ length: 4990 }, (_, index) => ({ type: 'fixed', name: `f${index}`, size: index })))
      )
  })
]
