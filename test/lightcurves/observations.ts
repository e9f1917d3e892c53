import fc from 'fast-check'
import type { FilterId, Observation } from '../../src/lightcurves/observation.ts'

/** Observations that often collide: few times, few candids, two precisions. */
export const observation: fc.Arbitrary<Observation> = fc
  .record({
    day: fc.integer({ min: 0, max: 12 }),
    fid: fc.constantFrom<FilterId>(1, 2, 3),
    detection: fc.boolean(),
    own: fc.boolean(),
    positive: fc.boolean(),
    candid: fc.option(fc.bigInt({ min: 2695378462115010000n, max: 2695378462115010003n })),
    magnitude: fc.integer({ min: 1500, max: 1503 }),
    error: fc.constantFrom(0.05, 0.1)
  })
  .map(({ day, detection, own, magnitude, error, ...rest }) => ({
    ...rest,
    jd: 2459000.5 + day / 3,
    detection,
    own: own && detection,
    positive: rest.positive && detection,
    magnitude: Math.fround(magnitude / 100),
    error: detection ? Math.fround(error) : 0
  }))

export const observations = fc.array(observation, { maxLength: 60 })

/** An observation with sensible defaults. */
export function detectionAt(jd: number, changes: Partial<Observation> = {}): Observation {
  return {
    jd,
    fid: 1,
    detection: true,
    own: true,
    positive: true,
    candid: BigInt(Math.round(jd * 1000)),
    magnitude: 18.5,
    error: Math.fround(0.1),
    ...changes
  }
}
