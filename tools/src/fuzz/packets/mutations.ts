import { deflateRawSync } from 'node:zlib'
import type { Random } from '@hierax/training/random.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import SnappyJS from 'snappyjs'
import { block, head, long, sized } from '../../../../test/alerts/packets.ts'
import { type Pantry, type Recipe, recipes } from './recipe.ts'

/** A packet under another object id, of the same length: what is made of it must not pass for a real object's. */
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

const base = (random: Random, { bases }: Pantry): Buffer => Buffer.from(random.pick(bases))

/** Where the head of a container ends: after the schema come the blocks. */
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

/** Numbers that a length, a count or a branch should not be. */
const lies = [
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

function lying(packet: Buffer, random: Random): Buffer {
  const at = random.integer(bodyStart(packet), packet.length)
  const replaced = random.integer(0, 3)
  return Buffer.concat([packet.subarray(0, at), long(random.pick(lies)), packet.subarray(at + replaced)])
}

/** The schema text and the records of a container of one block. */
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

/** Ways to spoil a packet that was good. */
export const mutations: readonly Recipe[] = [
  ...recipes(4, {
    'bit flips': (random, pantry) => {
      const packet = base(random, pantry)
      return flipped(packet, random, 0, packet.length)
    },
    'bit flips in the record': (random, pantry) => {
      const packet = base(random, pantry)
      return flipped(packet, random, bodyStart(packet), Math.min(packet.length, bodyStart(packet) + 6000))
    },
    'bit flips in the head': (random, pantry) => flipped(base(random, pantry), random, 0, 200),
    truncated: (random, pantry) => {
      const packet = base(random, pantry)
      return packet.subarray(0, random.integer(0, packet.length))
    },
    'a bogus number': (random, pantry) => lying(base(random, pantry), random)
  }),
  ...recipes(2, {
    'schema altered': (random, pantry) => rewritten(base(random, pantry), 'null', r => r, schemaMutated(random)),
    'bytes overwritten': (random, pantry) => {
      const packet = base(random, pantry)
      noise(random, random.integer(1, 64)).copy(packet, random.integer(0, packet.length))
      return packet
    },
    'bytes left over': (random, pantry) => Buffer.concat([base(random, pantry), noise(random, random.integer(1, 99))]),
    'a piece cut out': (random, pantry) => {
      const packet = base(random, pantry)
      const at = random.integer(0, packet.length)
      return Buffer.concat([packet.subarray(0, at), packet.subarray(at + random.integer(1, 500))])
    },
    'two packets spliced': (random, pantry) => {
      const [one, two] = [base(random, pantry), base(random, pantry)]
      return Buffer.concat([
        one.subarray(0, random.integer(0, one.length)),
        two.subarray(random.integer(0, two.length))
      ])
    },
    'deflated, whole': (random, pantry) => rewritten(base(random, pantry), 'deflate', r => deflateRawSync(r)),
    'deflated, damaged': (random, pantry) =>
      rewritten(base(random, pantry), 'deflate', r => flipped(deflateRawSync(r), random, 0, 400)),
    'snappy with a wrong checksum': (random, pantry) => rewritten(base(random, pantry), 'snappy', checksummed),
    'snappy, damaged': (random, pantry) =>
      rewritten(base(random, pantry), 'snappy', r => flipped(checksummed(r), random, 0, 40)),
    'another codec': (random, pantry) =>
      rewritten(
        base(random, pantry),
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
      Buffer.concat([Buffer.from('Obj\x01'), long(random.pick(lies)), sized('__proto__'), sized('x'), long(0)])
  })
]
