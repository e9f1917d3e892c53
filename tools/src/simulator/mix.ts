import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { random, seedOf } from '@hierax/training/random.ts'
import { type Family, families, familyOf } from './family.ts'
import { population, type SyntheticLabel } from './populations.ts'
import { varied } from './variation.ts'

/** Light curves of a simulation: the examples alone, or with synthetic objects of other classes, see {@link streamMix}. */
export const mixes = ['examples', 'stream'] as const
export type Mix = (typeof mixes)[number]

/** Synthetic objects by class, in proportion to the examples' transients. Most have a single alert. */
const objects: Readonly<Record<SyntheticLabel, number>> = {
  LPV: 20,
  'AGN/QSO': 18,
  CV: 10,
  YSO: 7,
  'flare star': 15,
  asteroid: 900,
  bogus: 450
}

/** How often each example of a family is in the mix, varied in time and noise; default 1. */
const copies: Partial<Record<Family, number>> = { periodic: 2 }

/** Days between the starts of two objects of {@link streamMix}, so that the classes' alerts stay mixed. */
export const streamStagger = 0.06

/**
 * Light curves in a class mix like that of the public stream, with more supernovae: for each supernova alert six or seven of stars,
 * active nuclei, cataclysmic variables, minor planets and artefacts. Supernovae and periodic stars are the (real) examples, the others are synthetic. Classes
 * are spread evenly.
 */
export function streamMix(examples: readonly SimulatedLightCurve[], seed = 0): SimulatedLightCurve[] {
  const groups: SimulatedLightCurve[][] = []
  for (const family of families) {
    const curves = examples.filter(({ label }) => familyOf(label) === family)
    const number = copies[family] ?? 1
    groups.push(Array.from({ length: number * curves.length }, (_, at) => copy(curves, at, seed)))
  }
  for (const [label, count] of Object.entries(objects)) groups.push(population(label as SyntheticLabel, count, seed))
  const draw = random(seed, seedOf('mix'))
  const placed = groups.flatMap(group =>
    group.map((curve, at) => ({ curve, place: (at + draw.uniform()) / group.length }))
  )
  return placed.sort((a, b) => a.place - b.place).map(({ curve }) => curve)
}

/** An example, unchanged in its first copy and varied in later ones. */
function copy(curves: readonly SimulatedLightCurve[], at: number, seed: number): SimulatedLightCurve {
  const curve = curves[at % curves.length] as SimulatedLightCurve
  return at < curves.length ? curve : { ...curve, id: `${curve.id} ${at}`, points: varied(curve.points, at, seed) }
}
