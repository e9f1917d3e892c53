import { crc32, deflateRawSync } from 'node:zlib'
import {
  avroType,
  block,
  candidate,
  detection,
  encoded,
  head,
  historyFields,
  long,
  packetFields,
  packetSchema,
  point,
  type SchemaJson,
  sized,
  sync
} from '../../../../test/alerts/packets.ts'
import { type Recipe, recipes } from './recipe.ts'

const mebibyte = 2 ** 20

/** Computes a value once, on first use. */
function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

const deflated = (count: number, bytes: Buffer): Buffer =>
  Buffer.concat([head(packetSchema(), 'deflate'), block(count, deflateRawSync(bytes, { level: 9 }))])

const zeros = once(() => deflateRawSync(Buffer.alloc(256 * mebibyte), { level: 9 }))

/** A thousand records with a hundred points each, all valid: 100,000 points in a few kilobytes. */
const denseRecords = once(() => {
  const history = Array.from({ length: 100 }, (_, index) =>
    detection({ jd: 2_458_900 + index, candid: BigInt(index + 1) })
  )
  const one = encoded({ objectId: 'FUZ-dense', prv_candidates: history, candidate: candidate({ jd: 2_459_010 }) })
  return deflated(1000, Buffer.concat(Array.from({ length: 1000 }, () => one)))
})

/** The same, with a different object per record. */
const denseObjects = once(() => {
  const history = Array.from({ length: 100 }, (_, index) =>
    detection({ jd: 2_458_900 + index, candid: BigInt(index + 1) })
  )
  const records = Array.from({ length: 1000 }, (_, index) =>
    encoded({ objectId: `FUZ-dense-${index}`, prv_candidates: history, candidate: candidate({ jd: 2_459_010 }) })
  )
  return deflated(1000, Buffer.concat(records))
})

/** A record of `size` bytes with an additional array that must be skipped item by item. */
function slow(items: SchemaJson, item: Buffer, size: number): Buffer {
  const count = Math.floor((size - 4000) / item.length)
  const schema = packetSchema([...packetFields, { name: 'slow', type: { type: 'array', items } }])
  const values = Buffer.concat([long(count), Buffer.alloc(count * item.length, item), long(0)])
  return Buffer.concat([
    head(schema, 'deflate'),
    block(1, deflateRawSync(Buffer.concat([encoded({ objectId: 'FUZ-slow' }), values])))
  ])
}

const slowItems: readonly (() => Buffer)[] = [
  once(() => slow(['null', 'int'], Buffer.from([0]), 4 * mebibyte)),
  once(() => slow('string', Buffer.from([0]), 4 * mebibyte)),
  once(() => slow({ type: 'array', items: ['null', 'string'] }, Buffer.from([0]), 4 * mebibyte)),
  once(() => slow({ type: 'map', values: 'long' }, Buffer.from([0]), 4 * mebibyte)),
  once(() =>
    slow(
      {
        type: 'record',
        name: 'r',
        fields: [
          { name: 'a', type: ['null', 'r'] },
          { name: 'b', type: ['null', 'r'] }
        ]
      },
      Buffer.from([0, 0]),
      4 * mebibyte
    )
  ),
  once(() => slow(['null', 'int'], Buffer.from([0]), 3 * mebibyte))
]

/** Four records of nearly four mebibytes that are skipped byte by byte. */
const slowRecords = once(() => {
  const schema = packetSchema([...packetFields, { name: 'slow', type: { type: 'array', items: ['null', 'int'] } }])
  const count = 4 * mebibyte - 8000
  const values = Buffer.concat([encoded({ objectId: 'FUZ-slow' }), long(count), Buffer.alloc(count), long(0)])
  return Buffer.concat([head(schema, 'deflate'), block(3, deflateRawSync(Buffer.concat([values, values, values])))])
})

/** A million valid upper limits in one packet. */
const millionLimits = once(() => {
  const record = encoded({ objectId: 'FUZ-limits', prv_candidates: [point(), point()] })
  const one = avroType({ type: 'record', name: 'point', fields: historyFields }).toBuffer(point())
  const at = record.indexOf(Buffer.concat([one, one]))
  const many = [long(1e6), Buffer.alloc(1e6 * one.length, one), record.subarray(at + 2 * one.length)]
  return Buffer.concat([record.subarray(0, at - long(2).length), ...many])
})

const limitsUncompressed = (): Buffer => Buffer.concat([head(packetSchema()), block(1, millionLimits())])

const limitsDeflated = once(() => deflated(1, millionLimits()))

/** A snappy block that claims to inflate to `claimed` bytes. */
function snappyBlock(claimed: number, elements: Buffer): Buffer {
  const preamble: number[] = []
  for (let rest = claimed; ; rest = Math.floor(rest / 128)) {
    preamble.push(rest > 127 ? (rest % 128) | 128 : rest)
    if (rest <= 127) break
  }
  const stream = Buffer.concat([Buffer.from(preamble), elements])
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(stream))
  return Buffer.concat([head(packetSchema(), 'snappy'), block(1, Buffer.concat([stream, check]))])
}

/** Small packets that cause much work or need much memory. */
export const bombs: readonly Recipe[] = [
  ...recipes(1, {
    'snappy with a bogus length': random =>
      snappyBlock(
        random.pick([2 ** 32 - 1, 2 ** 31, 16 * mebibyte, 2 ** 35, 0]),
        Buffer.from([0xfc, 0xff, 0xff, 0xff, 0xff, 1, 2, 3])
      ),
    'blocks with bogus lengths': random =>
      Buffer.concat([
        head(packetSchema()),
        long(random.pick([1n, 1000n, -1n, 2n ** 62n])),
        long(random.pick([-1n, 2n ** 62n, 2n ** 31n, 0n])),
        sync
      ]),
    'empty blocks': random =>
      Buffer.concat([
        head(packetSchema()),
        ...Array.from({ length: random.pick([1, 999, 1001, 20_000]) }, () => block(0, Buffer.alloc(0)))
      ]),
    'bogus record count': random =>
      Buffer.concat([
        head(packetSchema()),
        block(random.pick([2, 999, 1001, 1e9]), encoded({ objectId: 'FUZ-count' }))
      ]),
    'metadata of long keys': random =>
      Buffer.concat([
        Buffer.from('Obj\x01'),
        long(2),
        sized('k'.repeat(random.integer(1, 1e5))),
        sized('v'),
        sized('avro.schema'),
        sized('"int"'),
        long(0),
        sync
      ])
  }),
  ...recipes(0.02, {
    'snappy of runs': () =>
      snappyBlock(
        12 * mebibyte,
        Buffer.concat([Buffer.from([0, 0]), Buffer.alloc(3 * 196_608, Buffer.from([0xfe, 1, 0]))])
      ),
    'deflate bomb': () => Buffer.concat([head(packetSchema(), 'deflate'), block(1, zeros())]),
    'deflate bombs in a row': () =>
      Buffer.concat([
        head(packetSchema(), 'deflate'),
        ...Array.from({ length: 20 }, () => block(1, zeros().subarray(0, 12_000)))
      ]),
    'a hundred thousand points in a few bytes': random => random.pick([denseRecords, denseObjects])(),
    'a million upper limits in a packet': random => random.pick([limitsUncompressed, limitsDeflated])(),
    'millions of items to skip': random => random.pick(slowItems)(),
    'records of millions of items': () => slowRecords()
  })
]
