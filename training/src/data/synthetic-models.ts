import { lowerBound } from 'hierax/lightcurves/points/ordering.ts'
import type { Random } from '../random.ts'

/** Total magnitude of a source at a time (modified Julian day) in a band (1 g, 2 r, 3 i). */
export type TotalMagnitude = (mjd: number, fid: 1 | 2 | 3) => number

/** A kind of persistent source: its published label, its share of the synthetic objects, and how one is drawn. */
export interface StarModel {
  readonly label: string
  readonly share: number
  readonly make: (draw: Random) => TotalMagnitude
}

type Bounds = readonly [low: number, high: number]

/** All kinds. Ranges follow what is known of each class; shares give each enough to be learned, not its share of the sky. */
export const starModels: readonly StarModel[] = [
  { label: 'LPV', share: 0.17, make: longPeriod },
  { label: 'QSO', share: 0.17, make: wandering([15.5, 20.8], [0, 0.8], [30, 600], [0.08, 0.5]) },
  { label: 'Blazar', share: 0.06, make: wandering([15, 20.5], [0.2, 0.9], [4, 120], [0.25, 1]) },
  { label: 'UG', share: 0.15, make: dwarfNova },
  { label: 'NL', share: 0.05, make: novaLike },
  { label: 'YSO', share: 0.1, make: youngStar },
  { label: 'UV', share: 0.08, make: flareStar },
  { label: 'RS', share: 0.08, make: spottedStar },
  { label: 'EA', share: 0.08, make: eclipsing },
  { label: 'VAR', share: 0.06, make: wrongReference }
]

/** Magnitude of a band from that in r and the colours g − r and r − i. */
function inBand(r: number, fid: 1 | 2 | 3, gr: number, ri: number): number {
  return fid === 1 ? r + gr : fid === 2 ? r : r - ri
}

function logUniform(draw: Random, low: number, high: number): number {
  return low * (high / low) ** draw.uniform()
}

/** Faint sources are more common than bright ones: uniform in the square of the distance from the bright end. */
function brightness(draw: Random, bright: number, faint: number): number {
  return bright + (faint - bright) * Math.sqrt(draw.uniform())
}

/** Red giants: one or two periods, cycles of unequal height, larger amplitudes in the blue. */
function longPeriod(draw: Random): TotalMagnitude {
  const mean = brightness(draw, 12.5, 20)
  const gr = draw.uniform(1.3, 2.6)
  const period = logUniform(draw, 50, 600)
  const amplitude = logUniform(draw, 0.15, 2.5)
  const second = { period: period * draw.uniform(0.4, 0.9), share: draw.uniform(0, 0.6) }
  const wander = walk(draw, draw.uniform(200, 900), 0.25 * amplitude)
  const [one, two] = [draw.uniform(0, 2 * Math.PI), draw.uniform(0, 2 * Math.PI)]
  return (mjd, fid) => {
    const wave =
      Math.sin((2 * Math.PI * mjd) / period + one) + second.share * Math.sin((2 * Math.PI * mjd) / second.period + two)
    const r = mean + amplitude * wave * 0.8 + wander(mjd)
    return inBand(r, fid, gr + 0.2 * amplitude * wave, 0.6 * gr)
  }
}

/** Damped random walk, diluted by the host in some; ranges are of the mean magnitude, colour, days and deviation. */
function wandering(mean: Bounds, gr: Bounds, days: Bounds, deviation: Bounds): (draw: Random) => TotalMagnitude {
  return draw => {
    const [level, colour] = [brightness(draw, ...mean), draw.uniform(...gr)]
    const wander = walk(draw, logUniform(draw, ...days), logUniform(draw, ...deviation))
    return (mjd, fid) => {
      const change = wander(mjd)
      return inBand(level + 0.85 * change, fid, colour + 0.15 * change, 0.3 * colour)
    }
  }
}

/** Outbursts of a few days above a faint or unseen star, some of them long (superoutbursts). */
function dwarfNova(draw: Random): TotalMagnitude {
  const quiet = draw.uniform(17, 22.5)
  const amplitude = draw.uniform(1.8, 6)
  const interval = logUniform(draw, 12, 500)
  const decline = draw.uniform(0.12, 0.5)
  const plateau = draw.uniform(0, 6)
  const gr = draw.uniform(-0.15, 0.35)
  const starts: number[] = []
  for (let at = 57_000 + draw.uniform(0, interval); at < 62_500; at += interval * draw.uniform(0.6, 1.4))
    starts.push(at)
  const long = starts.map(() => (draw.uniform() < 0.2 ? draw.uniform(8, 18) : 0))
  const flicker = walk(draw, 0.3, 0.12)
  return (mjd, fid) => {
    let brightening = 0
    const latest = lowerBound(starts.length, at => (starts[at] as number) <= mjd) - 1
    for (let at = latest; at >= 0 && at > latest - 2; at--) {
      const since = mjd - (starts[at] as number)
      const flat = plateau + (long[at] as number)
      const fall = since < flat ? 0.1 * since : (since - flat) * decline * 2.5
      brightening = Math.max(brightening, since < 1 ? amplitude * since : amplitude - fall)
    }
    return inBand(quiet - brightening + flicker(mjd), fid, brightening > 1 ? gr - 0.1 : gr + 0.3, 0.15)
  }
}

/** Accretion that never stops: flicker, and low states. */
function novaLike(draw: Random): TotalMagnitude {
  const mean = brightness(draw, 13.5, 19.5)
  const flicker = walk(draw, 0.5, draw.uniform(0.08, 0.3))
  const state = walk(draw, logUniform(draw, 50, 400), draw.uniform(0.1, 1.2))
  return (mjd, fid) => inBand(mean + flicker(mjd) + Math.abs(state(mjd)), fid, 0.1, 0.1)
}

/** Accretion bursts, spots and dips of dust. */
function youngStar(draw: Random): TotalMagnitude {
  const mean = brightness(draw, 13.5, 20)
  const gr = draw.uniform(0.8, 1.9)
  const wander = walk(draw, logUniform(draw, 1.5, 60), logUniform(draw, 0.08, 0.6))
  const spot = { period: draw.uniform(2, 14), amplitude: draw.uniform(0, 0.25), phase: draw.uniform(0, 6.28) }
  const dust = walk(draw, draw.uniform(3, 25), draw.uniform(0.2, 1.2))
  const dipper = draw.uniform() < 0.4
  return (mjd, fid) => {
    const dip = dipper ? Math.max(0, dust(mjd) - 0.4) : 0
    const change = wander(mjd) + spot.amplitude * Math.sin((2 * Math.PI * mjd) / spot.period + spot.phase) + dip
    return inBand(mean + change, fid, gr + 0.2 * change, 0.55 * gr)
  }
}

/** Flares of an hour above a red dwarf. */
function flareStar(draw: Random): TotalMagnitude {
  const quiet = brightness(draw, 14, 20.5)
  const gr = draw.uniform(1.2, 1.7)
  const rate = logUniform(draw, 0.05, 2)
  const seed = draw.integer(0, 2 ** 30)
  return (mjd, fid) => {
    const noise = hashed(seed, Math.floor(mjd * 12))
    const flaring = noise < 0.02 * rate
    const contrast = flaring ? -2.5 * Math.log10(1 - Math.max(1e-4, noise / (0.02 * rate))) : 0
    const size = fid === 1 ? contrast : fid === 2 ? 0.35 * contrast : 0.15 * contrast
    return inBand(quiet, fid, gr, 1) - 2 * size
  }
}

/** Spots that turn with the star and change over months. */
function spottedStar(draw: Random): TotalMagnitude {
  const mean = brightness(draw, 12.5, 18.5)
  const gr = draw.uniform(0.6, 1.4)
  const period = logUniform(draw, 0.4, 40)
  const amplitude = logUniform(draw, 0.04, 0.3)
  const envelope = walk(draw, draw.uniform(60, 400), 0.5)
  const phase = draw.uniform(0, 2 * Math.PI)
  return (mjd, fid) => {
    const change =
      amplitude * (1 + envelope(mjd)) * Math.sin((2 * Math.PI * mjd) / period + phase) + 0.1 * envelope(mjd)
    return inBand(mean + change, fid, gr, 0.4 * gr)
  }
}

/** Two stars that eclipse each other: constant but for the eclipses. */
function eclipsing(draw: Random): TotalMagnitude {
  const mean = brightness(draw, 13, 19)
  const period = logUniform(draw, 0.25, 12)
  const width = draw.uniform(0.03, 0.12)
  const depths = [draw.uniform(0.15, 1.6), draw.uniform(0, 0.6)] as const
  const gr = draw.uniform(0, 1.2)
  const phase = draw.uniform()
  return (mjd, fid) => {
    const at = (((mjd / period + phase) % 1) + 1) % 1
    const inside = (centre: number): number => {
      const distance = Math.min(Math.abs(at - centre), 1 - Math.abs(at - centre))
      return Math.max(0, 1 - (distance / width) ** 2)
    }
    return inBand(mean + depths[0] * inside(0) + depths[1] * inside(0.5), fid, gr, 0.4 * gr)
  }
}

/** A source that was brighter or fainter in the reference than ever since: a constant difference, negative or positive. */
function wrongReference(draw: Random): TotalMagnitude {
  const mean = brightness(draw, 14, 19.5)
  const change = draw.uniform() < 0.6 ? draw.uniform(0.2, 4) : -draw.uniform(0.2, 2)
  const gr = draw.uniform(0, 1.5)
  const since = draw.uniform(57_200, 58_400)
  return (mjd, fid) => inBand(mean + (mjd > since ? change : 0), fid, gr, 0.4 * gr)
}

/** A damped random walk with a time scale (days) and a standard deviation (mag), on a grid of a tenth of the time scale, interpolated linearly. */
function walk(draw: Random, days: number, deviation: number): (mjd: number) => number {
  const step = Math.max(days / 10, 0.05)
  const seed = draw.integer(0, 2 ** 30)
  const keep = Math.exp(-step / days)
  const fresh = Math.sqrt(1 - keep * keep)
  const known = new Map<number, Float64Array>()
  // In blocks, each begun afresh: no walk needs to be followed from the beginning of time.
  const block = 512
  const valuesOf = (index: number): Float64Array => {
    const found = known.get(index)
    if (found !== undefined) return found
    const values = new Float64Array(block + 1)
    values[0] = gaussian(seed, index)
    const end = gaussian(seed, index + 1)
    for (let at = 1; at <= block; at++) {
      values[at] = keep * (values[at - 1] as number) + fresh * gaussian(seed + 1, index * block + at)
    }
    // The last value of a block is the first of the next.
    const miss = end - (values[block] as number)
    const reach = Math.min(block, 60)
    for (let at = block - reach + 1; at <= block; at++) values[at]! += (miss * (at - block + reach)) / reach
    known.set(index, values)
    return values
  }
  return mjd => {
    const position = mjd / step
    const cell = Math.floor(position)
    const index = Math.floor(cell / block)
    const values = valuesOf(index)
    const at = cell - index * block
    const before = values[at] as number
    return deviation * (before + (position - cell) * ((values[at + 1] as number) - before))
  }
}

/** A number in [0, 1) from two whole numbers. */
function hashed(seed: number, at: number): number {
  let word = Math.imul(seed ^ Math.imul(at | 0, 0x9e3779b1), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return ((word ^ (word >>> 16)) >>> 0) / 2 ** 32
}

/** A normally distributed number from two whole numbers. */
function gaussian(seed: number, at: number): number {
  const [u, v] = [hashed(seed, 2 * at), hashed(seed ^ 0x5bd1e995, 2 * at + 1)]
  return Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v)
}
