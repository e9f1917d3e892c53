import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { random, seedOf } from '@hierax/training/random.ts'
import { type Family, families, familyOf } from './family.ts'
import { type MadeUp, population } from './populations.ts'
import { varied } from './variation.ts'

/** Light curves that a simulation takes: the examples as they are, or mixed with others as the public stream has them. */
export const mixes = ['examples', 'stream'] as const
export type Mix = (typeof mixes)[number]

/** Objects of made-up classes for all of the examples' transients. Alerts follow: most objects have only one. */
const objects: Readonly<Record<MadeUp, number>> = {
  LPV: 20,
  'AGN/QSO': 18,
  CV: 10,
  YSO: 7,
  'flare star': 15,
  asteroid: 900,
  bogus: 450
}

/** How often each example of a family is in the mix, with its time and noise varied. */
const copies: Partial<Record<Family, number>> = { periodic: 2 }

/** Objects of {@link streamMix} begin so long after one another that one example goes with the others', days. */
export const streamStagger = 0.06

/**
 * A mix of light curves as the public stream has them: for each alert of a supernova six or seven of stars, active nuclei,
 * cataclysmic variables, minor planets and artefacts. Supernovae and periodic stars are the examples (real ones), the others are made up.
 * Classes follow one another evenly.
 */
export function streamMix(examples: readonly SimulatedLightCurve[], seed = 0): SimulatedLightCurve[] {
  const groups: SimulatedLightCurve[][] = []
  for (const family of families) {
    const curves = examples.filter(({ label }) => familyOf(label) === family)
    const number = copies[family] ?? 1
    groups.push(Array.from({ length: number * curves.length }, (_, at) => copy(curves, at, seed)))
  }
  for (const [label, count] of Object.entries(objects)) groups.push(population(label as MadeUp, count, seed))
  const draw = random(seed, seedOf('mix'))
  const placed = groups.flatMap(group =>
    group.map((curve, at) => ({ curve, place: (at + draw.uniform()) / group.length }))
  )
  return placed.sort((a, b) => a.place - b.place).map(({ curve }) => curve)
}

/** An example as it is the first time round, and varied after that. */
function copy(curves: readonly SimulatedLightCurve[], at: number, seed: number): SimulatedLightCurve {
  const curve = curves[at % curves.length] as SimulatedLightCurve
  return at < curves.length ? curve : { ...curve, id: `${curve.id} ${at}`, points: varied(curve.points, at, seed) }
}
