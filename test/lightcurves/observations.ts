import fc from 'fast-check'
import {
  type AlertContext,
  type AlertRecord,
  contextFields,
  type FilterId,
  type Observation
} from '../../src/lightcurves/points/observation.ts'
import type { RouteMark } from '../../src/lightcurves/route-marks.ts'
import type { Addition } from '../../src/lightcurves/store.ts'

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
    error: fc.constantFrom(0.05, 0.1),
    realBogus: fc.constantFrom(null, 0, 0.1, 0.2, 0.9),
    solarSystemDistance: fc.constantFrom(null, null, 1.5, 5, 30),
    program: fc.constantFrom(null, 0, 1, 2, 62)
  })
  .map(({ day, detection, own, magnitude, error, candid, realBogus, solarSystemDistance, program, ...rest }) => ({
    ...rest,
    ...(program === null ? {} : { program }),
    // As the decoder makes them: a packet's own detection has a candid, those of histories may lack it, upper limits do.
    candid: detection ? (own ? (candid ?? 2695378462115010000n) : candid) : null,
    jd: 2459000.5 + day / 3,
    detection,
    own: own && detection,
    positive: rest.positive && detection,
    magnitude: Math.fround(magnitude / 100),
    error: detection ? Math.fround(error) : 0,
    realBogus: detection && realBogus !== null ? Math.fround(realBogus) : null,
    solarSystemDistance: detection ? solarSystemDistance : null
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
    realBogus: null,
    solarSystemDistance: null,
    ...changes
  }
}

/** A context with nothing in it but the changes. */
export function contextWith(changes: Partial<AlertContext> = {}): AlertContext {
  return { ...(Object.fromEntries(contextFields.map(name => [name, null])) as unknown as AlertContext), ...changes }
}

const photometryKeys = [
  ...(['band', 'magnitude', 'error', 'positive', 'realBogus'] as const),
  ...(['starScore', 'starDistance', 'solarSystemDistance', 'context'] as const)
]
const score = fc.option(fc.double({ min: 0, max: 1, noNaN: true }))
export const alertRecord: fc.Arbitrary<AlertRecord> = fc.record(
  {
    candid: fc.bigInt({ min: 2695378462115010000n, max: 2695378462115010005n }),
    jd: fc.constantFrom(2459000.5, 2459001.5, 2459002.5),
    ra: fc.double({ min: 0, max: 360, noNaN: true }),
    dec: fc.double({ min: -90, max: 90, noNaN: true }),
    programId: fc.integer({ min: 0, max: 64 }),
    photometry: fc.option(
      fc.record(
        {
          band: fc.constantFrom('g', 'r', 'i'),
          magnitude: fc.double({ min: 10, max: 22, noNaN: true }),
          error: fc.double({ min: 0.01, max: 1, noNaN: true }),
          positive: fc.boolean(),
          realBogus: score,
          starScore: score,
          starDistance: score,
          solarSystemDistance: score,
          droppedPoints: fc.integer({ min: 1, max: 5000 }),
          context: fc.record(
            Object.fromEntries(contextFields.map(name => [name, score])) as Record<keyof AlertContext, typeof score>,
            { noNullPrototype: true }
          )
        },
        { noNullPrototype: true, requiredKeys: photometryKeys }
      )
    )
  },
  { noNullPrototype: true }
)

/** Alerts of which some have the name of a solar-system object. */
const namedAlert = fc
  .tuple(alertRecord, fc.constantFrom(undefined, 'Ceres', 'C/2017 K2 (PANSTARRS)', 'ʻOumuamua'))
  .map(
    ([record, solarSystemName]): AlertRecord =>
      record.photometry === null || solarSystemName === undefined
        ? record
        : { ...record, photometry: { ...record.photometry, solarSystemName } }
  )

/** Marks that often collide. */
const routeMark: fc.Arbitrary<RouteMark> = fc.record(
  {
    topic: fc.constantFrom(1n, 2n ** 64n - 1n),
    model: fc.constantFrom(0n, 2n ** 63n),
    jd: fc.constantFrom(2459000.5, 2459001.5),
    candid: fc.constantFrom(5n, 2695378462115010000n),
    revision: fc.nat({ max: 2 }),
    on: fc.boolean()
  },
  { noNullPrototype: true }
)

/** What a batch may add to an object. */
export function additionTo(...objectIds: string[]): fc.Arbitrary<Addition> {
  const alert = fc.record({ record: namedAlert, admitted: fc.boolean() }, { noNullPrototype: true })
  return fc.record(
    {
      objectId: fc.constantFrom(...objectIds),
      observations,
      alerts: fc.array(alert, { maxLength: 6 }),
      routes: fc.array(routeMark, { maxLength: 5 })
    },
    { noNullPrototype: true }
  )
}

/** Additions to a few objects. */
export const additions = fc.array(additionTo('A', 'B', 'C'), { minLength: 1, maxLength: 6 })
