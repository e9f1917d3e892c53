import { deflateRawSync } from 'node:zlib'
import type { Random } from '@hierax/training/random.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import SnappyJS from 'snappyjs'
import { block, head, long, sized } from '../../../../test/alerts/packets.ts'
import { type Recipe, recipes } from './recipe.ts'

/**
 * A packet with another object id of the same length, so that packets made from it never belong to a real object. Null if the id is not
 * one of ZTF.
 */
export function renamed(packet: Buffer): Buffer | null {
  const decoder = createDecoder()
  try {
    const ids = new Set(decoder.decode(packet).map(alert => alert.objectId))
    const copy = Buffer.from(packet)
    for (const id of ids) {
      if (!id.startsWith('ZTF')) return null
      for (let at = copy.indexOf(id); at >= 0; at = copy.indexOf(id, at + 1)) copy.write('FUZ', at, 'latin1')
    }
    return copy
  } catch {
    return Buffer.from(packet)
  }
}

const base = (random: Random, bases: readonly Buffer[]): Buffer => Buffer.from(random.pick(bases))

/** Offset of the end of the schema, approximately; the blocks follow. */
function bodyStart(packet: Buffer): number {
  const schema = packet.indexOf('avro.schema')
  const name = packet.indexOf('"fields"', schema)
  const candidate = packet.lastIndexOf('}]}', Math.min(packet.length, 64 * 1024))
  return Math.max(0, name, candidate)
}

function flipped(packet: Buffer, random: Random, from: number, to: number): Buffer {
  for (let count = random.integer(1, 16); count > 0; count--) {
    const at = random.integer(from, Math.max(from, to - 1))
    packet[at] = (packet[at] ?? 0) ^ (1 << random.integer(0, 7))
  }
  return packet
}

function noise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.integer(0, 255)))
}

/** Bogus lengths, counts and union branches. */
const bogusNumbers = [
  -1n,
  -(2n ** 63n),
  2n ** 63n - 1n,
  2n ** 62n,
  2n ** 53n + 1n,
  2n ** 31n,
  -(2n ** 31n),
  2n ** 24n,
  1_000_000n
]

function withBogusNumber(packet: Buffer, random: Random): Buffer {
  const at = random.integer(bodyStart(packet), packet.length)
  const replaced = random.integer(0, 3)
  return Buffer.concat([packet.subarray(0, at), long(random.pick(bogusNumbers)), packet.subarray(at + replaced)])
}

/** Schema text and records of a container with one block. */
function parts(packet: Buffer): { schema: string; records: Buffer } | null {
  const from = packet.indexOf('{"')
  const marker = packet.subarray(packet.length - 16)
  const end = packet.indexOf(marker)
  if (from < 0 || end < 0 || end >= packet.length - 16) return null
  let at = end + 16
  while ((packet[at] ?? 0) > 127) at++
  at++
  while ((packet[at] ?? 0) > 127) at++
  const text = packet.toString('utf8', from, end)
  return { schema: text.slice(0, text.lastIndexOf('}') + 1), records: packet.subarray(at + 1, packet.length - 16) }
}

function rewritten(packet: Buffer, codec: string, write: (records: Buffer) => Buffer, schema = (text: string) => text) {
  const found = parts(packet)
  if (!found) return packet
  return Buffer.concat([head(Buffer.from(schema(found.schema)), codec), block(1, write(found.records))])
}

const checksummed = (records: Buffer): Buffer => Buffer.concat([SnappyJS.compress(records), Buffer.alloc(4)])

const replacements: readonly (readonly [RegExp, string])[] = [
  [/"double"/, '"float"'],
  [/"float"/, '"string"'],
  [/"long"/, '"int"'],
  [/"string"/, '{"type":"bytes","logicalType":"decimal","precision":4}'],
  [/"null", ?/, ''],
  [/"name": ?"jd"/, '"name":"julian","aliases":["jd"]'],
  [/"name": ?"candid"/, '"name":"__proto__"'],
  [/"name": ?"fid"/, '"name":"constructor"'],
  [/"name": ?"magpsf"/, '"name":"magpsf\\n\\u0000"'],
  [/"type": ?"record"/, '"type":"error"'],
  [/"default": ?null/, '"default":{"__proto__":{"polluted":true}}'],
  [/"fields"/, '"fields":[],"fields"'],
  [/"items"/, '"items":"null","itemz"'],
  [/\]/, ',"nope"]'],
  [/\{/, '{"__proto__":{"type":"null"},']
]

function schemaMutated(random: Random): (text: string) => string {
  return text => {
    const [pattern, by] = random.pick(replacements)
    const places = [...text.matchAll(new RegExp(pattern, 'g'))]
    if (places.length === 0) return text
    const { index, 0: found } = random.pick(places)
    return text.slice(0, index) + by + text.slice(index + found.length)
  }
}

/** Recipes that damage a valid packet. */
export const mutations: readonly Recipe[] = [
  ...recipes(4, {
    'bit flips': (random, bases) => {
      const packet = base(random, bases)
      return flipped(packet, random, 0, packet.length)
    },
    'bit flips in the record': (random, bases) => {
      const packet = base(random, bases)
      return flipped(packet, random, bodyStart(packet), Math.min(packet.length, bodyStart(packet) + 6000))
    },
    'bit flips in the head': (random, bases) => flipped(base(random, bases), random, 0, 200),
    truncated: (random, bases) => {
      const packet = base(random, bases)
      return packet.subarray(0, random.integer(0, packet.length))
    },
    'a bogus number': (random, bases) => withBogusNumber(base(random, bases), random)
  }),
  ...recipes(2, {
    'schema altered': (random, bases) => rewritten(base(random, bases), 'null', r => r, schemaMutated(random)),
    'bytes overwritten': (random, bases) => {
      const packet = base(random, bases)
      noise(random, random.integer(1, 64)).copy(packet, random.integer(0, packet.length))
      return packet
    },
    'trailing bytes': (random, bases) => Buffer.concat([base(random, bases), noise(random, random.integer(1, 99))]),
    'bytes removed': (random, bases) => {
      const packet = base(random, bases)
      const at = random.integer(0, packet.length)
      return Buffer.concat([packet.subarray(0, at), packet.subarray(at + random.integer(1, 500))])
    },
    'two packets spliced': (random, bases) => {
      const [one, two] = [base(random, bases), base(random, bases)]
      return Buffer.concat([
        one.subarray(0, random.integer(0, one.length)),
        two.subarray(random.integer(0, two.length))
      ])
    },
    'deflated, valid': (random, bases) => rewritten(base(random, bases), 'deflate', r => deflateRawSync(r)),
    'deflated, damaged': (random, bases) =>
      rewritten(base(random, bases), 'deflate', r => flipped(deflateRawSync(r), random, 0, 400)),
    'snappy with a wrong checksum': (random, bases) => rewritten(base(random, bases), 'snappy', checksummed),
    'snappy, damaged': (random, bases) =>
      rewritten(base(random, bases), 'snappy', r => flipped(checksummed(r), random, 0, 40)),
    'another codec': (random, bases) =>
      rewritten(
        base(random, bases),
        random.pick(['zstandard', 'bzip2', 'xz', '', '\n', '__proto__', 'deflate', 'snappy']),
        r => r
      )
  }),
  ...recipes(1, {
    'no value': random =>
      random.pick([null, Buffer.alloc(0), Buffer.from('O'), Buffer.from('Obj\x01'), Buffer.from('Obj\x02')]),
    'not a container': random =>
      random.pick([
        noise(random, random.integer(1, 2000)),
        Buffer.from('{"objectId":"ZTF"}'),
        Buffer.from('SIMPLE  =')
      ]),
    'metadata of many entries': random =>
      Buffer.concat([Buffer.from('Obj\x01'), long(random.pick(bogusNumbers)), sized('__proto__'), sized('x'), long(0)])
  })
]
