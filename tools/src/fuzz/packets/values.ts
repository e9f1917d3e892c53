import type { Random } from '@hierax/training/random.ts'
import {
  block,
  candidate,
  container,
  detection,
  encoded,
  head,
  packetSchema,
  point
} from '../../../../test/alerts/packets.ts'
import { type Recipe, recipes } from './recipe.ts'

const numbers = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -0,
  5e-324,
  1e308,
  -1e308,
  0,
  -999,
  3.5e38
]
const times = [
  0,
  -1,
  2_449_999.99,
  2_450_000,
  2_500_000,
  2_500_000.01,
  1e300,
  -1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY
]
const names = [
  '',
  ' ',
  '\n',
  'FUZ\nERROR forged line',
  '\u001b[2J\u001b[31mFUZ',
  '"FUZ"',
  "'; DROP TABLE",
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '../../etc/passwd',
  '/dev/null',
  'FUZ\0',
  '\u202egnp',
  '<script>alert(1)</script>',
  '$\u007bprocess.exit(1)}',
  '%00%0a',
  'FUZ💥',
  '\u2028',
  'x'.repeat(128),
  'x'.repeat(129),
  'é'.repeat(64),
  'null',
  'undefined',
  'NaN',
  '-1',
  'FUZ/../..',
  'a:b:c',
  '*',
  '\ufeffFUZ'
]
const brokenUtf8 = [
  [0xff, 0xfe],
  [0xc3, 0x28],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x92],
  [0xed, 0xa0, 0x80],
  [0xc0, 0x80]
]

const fields = [
  'jd',
  'fid',
  'ra',
  'dec',
  'magpsf',
  'sigmapsf',
  'rb',
  'drb',
  'ssdistnr',
  'sgscore1',
  'distpsnr1',
  'neargaia',
  'magnr',
  'classtar',
  'jdstarthist',
  'diffmaglim'
] as const

/** Ids of objects that many hostile packets share, so that their effects accumulate. */
const sharedObject = (random: Random): string => `FUZ-shared-${random.integer(0, 9)}`

const anyCandid = (random: Random): bigint => BigInt(random.integer(1, 2 ** 53))

/** An alert with a history, at a time within the survey. */
function withHistory(
  random: Random,
  count: number,
  make: (jd: number, index: number) => object,
  objectId = sharedObject(random)
): Buffer {
  const jd = 2_459_000 + random.uniform(0, 1000)
  const history = Array.from({ length: count }, (_, index) => make(jd - 30 * ((index + 1) / (count + 1)), index))
  return container({
    objectId,
    candidate: candidate({ jd, candid: anyCandid(random) }),
    prv_candidates: history
  })
}

const integerFor = (field: string, value: number): number =>
  field === 'fid' ? Math.trunc(Number.isFinite(value) ? Math.max(-2e9, Math.min(2e9, value)) : 7) : value

/** Well-formed packets with invalid values, or with too many of them. */
export const values: readonly Recipe[] = [
  ...recipes(3, {
    'NaN, infinite and extreme numbers': random => {
      const field = random.pick(fields)
      return container({
        objectId: 'FUZ-number',
        candidate: candidate({ [field]: integerFor(field, random.pick(numbers)) })
      })
    },
    'impossible times': random => container({ objectId: 'FUZ-time', candidate: candidate({ jd: random.pick(times) }) }),
    'history of invalid points': random =>
      withHistory(random, random.integer(1, 60), () => {
        const field = random.pick(['jd', 'magpsf', 'sigmapsf', 'diffmaglim'] as const)
        return random.pick([point, detection])({
          [field]: random.pick(field === 'jd' ? times : numbers),
          programid: random.pick([-1, 0, 1, 2, 3, 64])
        })
      }),
    'history of any quality': random =>
      withHistory(random, random.integer(1, 60), jd =>
        detection({ jd, candid: anyCandid(random), rb: random.pick(numbers), ssdistnr: random.pick(numbers) })
      ),
    'object id': random => container({ objectId: random.pick(names) }),
    'object id that is not UTF-8': random => {
      const packet = container({ objectId: 'FUZ-12345678' })
      Buffer.from(random.pick(brokenUtf8)).copy(packet, packet.lastIndexOf('FUZ-'))
      return packet
    },
    'programme, filter, sign': random =>
      container({
        objectId: 'FUZ-kinds',
        candidate: candidate({
          programid: random.pick([-(2 ** 31), -1, 0, 1, 2, 3, 64, 2 ** 31 - 1]),
          fid: random.pick([-1, 0, 1, 2, 3, 4, 255]),
          isdiffpos: random.pick(['t', 'f', '1', '0', '', 'true', 'x'.repeat(200), '\n'])
        })
      }),
    candid: random => {
      const candid = random.pick([0n, -1n, 1n, -(2n ** 63n), 2n ** 63n - 1n])
      return container({ objectId: 'FUZ-candid', candid, candidate: candidate({ candid }) })
    }
  }),
  ...recipes(0.6, {
    // About a million upper limits in 100,000 packets.
    'endless upper limits of one object': random =>
      withHistory(random, 2000, jd => point({ jd: jd + random.uniform(0, 1e-3) }), 'FUZ-limits')
  }),
  ...recipes(0.15, {
    'one point under many candids': random =>
      withHistory(random, 100, (_, index) => detection({ jd: 2_458_990 + (index % 5), candid: anyCandid(random) })),
    'late alerts of a large object': random =>
      container({
        objectId: sharedObject(random),
        candidate: candidate({ jd: 2_459_000 + random.uniform(0, 1000), candid: anyCandid(random) }),
        prv_candidates: null
      })
  }),
  ...recipes(0.04, {
    'maximum length of history': random =>
      withHistory(random, 5000, jd => detection({ jd, candid: anyCandid(random) })),
    'history over the limit': random => withHistory(random, 5001, jd => point({ jd })),
    'a thousand records': random => {
      const name = sharedObject(random)
      const records = Array.from({ length: 1000 }, () =>
        encoded({
          objectId: name,
          candidate: candidate({ jd: 2_459_000 + random.uniform(0, 1000), candid: anyCandid(random) }),
          prv_candidates: null
        })
      )
      return Buffer.concat([head(packetSchema()), block(1000, Buffer.concat(records))])
    }
  }),
  ...recipes(0.01, {
    'object id of 10 MB': () => container({ objectId: 'x\u001b[31m\n'.repeat(1_500_000) }),
    '100,000 points of history': random => withHistory(random, 100_000, jd => point({ jd })),
    'cutout of 10 MB': () => container({ objectId: 'FUZ-cutout', cutoutScience: Buffer.alloc(10_000_000, 7) })
  })
]
