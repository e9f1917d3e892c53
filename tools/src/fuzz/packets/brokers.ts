import { gzipSync } from 'node:zlib'
import type { Random } from '@hierax/training/random.ts'
import { candidate, container, encoded, packetSchema } from '../../../../test/alerts/packets.ts'
import { containerOf } from '../../simulator/container.ts'
import { type Recipe, recipes } from './recipe.ts'

const schema = Buffer.from(JSON.stringify(packetSchema()))

/** Bytes of which some are changed, and which may be cut. */
function damaged(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  for (let edits = random.integer(1, 4); edits > 0; edits--) {
    copy[random.integer(0, copy.length - 1)] = random.integer(0, 255)
  }
  return random.uniform() < 0.3 ? copy.subarray(0, random.integer(0, copy.length)) : copy
}

const numbers = [0, -0, -1, 1e-300, 1e300, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2_459_000.5]

const babamul = containerOf({
  type: 'record',
  name: 'BabamulZtfAlert',
  fields: [
    { name: 'candid', type: 'long' },
    { name: 'objectId', type: 'string' },
    {
      name: 'candidate',
      type: {
        type: 'record',
        name: 'ZtfCandidate',
        fields: [
          ...['jd', 'ra', 'dec', 'magpsf', 'sigmapsf', 'psfFlux', 'drb'].map(name => ({ name, type: 'double' })),
          ...['fid', 'programid'].map(name => ({ name, type: 'int' })),
          { name: 'isdiffpos', type: 'boolean' }
        ]
      }
    },
    ...['prv_candidates', 'prv_nondetections'].map(name => ({
      name,
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: `${name}_point`,
          fields: [
            ...['jd', 'psfFlux', 'psfFluxErr'].map(field => ({ name: field, type: 'double' })),
            { name: 'band', type: 'string' }
          ]
        }
      }
    }))
  ]
})

/** A message of Babamul in which any number may be impossible. */
function hostileBabamul(random: Random, serial: number): Buffer {
  const or = (value: number) => (random.uniform() < 0.1 ? random.pick(numbers) : value)
  const point = () => ({
    jd: or(2_458_990.5 + random.integer(0, 20)),
    psfFlux: or(random.normal() * 1e6),
    psfFluxErr: or(random.uniform() * 1e5),
    band: random.pick(['g', 'r', 'i', 'z', '', '__proto__'])
  })
  const points = () => Array.from({ length: random.integer(0, 30) }, point)
  const flux = 10 ** ((random.pick([31.4, 46.4, 25]) - 18.25) / 2.5)
  return babamul.write({
    candid: BigInt(serial + 1),
    objectId: `FUZ-babamul-${serial}`,
    candidate: { ...candidate({ jd: or(2_459_000.5), magpsf: or(18.25) }), isdiffpos: true, psfFlux: or(flux) },
    prv_candidates: points(),
    prv_nondetections: points()
  })
}

/** Made on first use. */
let bomb: Buffer | undefined

/** Messages in the forms of public streams: schemas in keys, framings, gzip, fluxes. */
export const brokers: readonly Recipe[] = [
  ...recipes(1, {
    'impossible fluxes': (random, _bases, serial) => hostileBabamul(random, serial),
    'a damaged schema in the key': random => ({
      value: encoded({ objectId: 'FUZ-key' }),
      key: damaged(random, schema)
    }),
    'a damaged record under a key': random => ({
      value: damaged(random, encoded({ objectId: 'FUZ-key' })),
      key: schema
    }),
    'a bare record without its schema': random => ({
      value: encoded({ objectId: 'FUZ-bare' }),
      key: random.pick([null, Buffer.alloc(0), Buffer.from('1.1_4.02'), Buffer.of(0xff, 0xfe)])
    }),
    'Confluent’s framing': random =>
      Buffer.concat([
        Buffer.of(0, 0, 0, random.integer(0, 255), random.integer(0, 255)),
        encoded({ objectId: 'FUZ-framed' })
      ]),
    'damaged gzip': random => damaged(random, gzipSync(container({ objectId: 'FUZ-gzip' })))
  }),
  ...recipes(0.05, {
    'a gzip bomb': () => (bomb ??= gzipSync(Buffer.alloc(32 * 2 ** 20))),
    'a key of a mebibyte': random => ({
      value: encoded({ objectId: 'FUZ-key' }),
      key: Buffer.concat([schema, Buffer.alloc(2 ** 20, random.pick([0, 32, 123]))])
    })
  })
]
