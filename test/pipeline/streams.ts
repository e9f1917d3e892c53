import fc from 'fast-check'
import type { Alert, HistoryPoint } from '../../src/alerts/alert.ts'
import type { FilterId, Observation } from '../../src/lightcurves/points/observation.ts'
import { contextWith } from '../lightcurves/observations.ts'
import { alertOf } from '../support/pipeline.ts'

/** One exposure of an object, as a generator makes it. */
interface Exposure {
  readonly hours: number
  readonly fid: FilterId
  readonly magnitude: number
  readonly programId: number
  readonly realBogus: number | null
  readonly solarSystemDistance: number | null
  /** Number of points that its packet's history lost as impossible. */
  readonly droppedPoints: number
  /** What histories of later packets hold of it: of some, only those that came long after it. */
  readonly told: {
    readonly realBogus: number | null
    readonly solarSystemDistance: number | null
    readonly late: boolean
  }
  /** Histories of later packets have it under a larger candid, as from an image that was processed again. */
  readonly reprocessed: boolean
  /** Some histories have an upper limit in its place. */
  readonly limit: boolean
  /** Its packet exists in two versions. */
  readonly twice: boolean
}

const exposure: fc.Arbitrary<Exposure> = fc.record({
  hours: fc.integer({ min: 0, max: 200 }),
  fid: fc.constantFrom<FilterId>(1, 2, 3),
  magnitude: fc.double({ min: 14, max: 21, noNaN: true }),
  programId: fc.constantFrom(1, 1, 1, 2),
  realBogus: fc.constantFrom(null, 0.05, 0.9, 0.9),
  solarSystemDistance: fc.constantFrom(null, null, null, 2, 40),
  droppedPoints: fc.constantFrom(0, 0, 1, 300),
  told: fc.record({
    realBogus: fc.constantFrom(null, 0.1, 0.8),
    solarSystemDistance: fc.constantFrom(null, null, 3),
    late: fc.boolean()
  }),
  reprocessed: fc.constantFrom(false, false, true),
  limit: fc.constantFrom(false, false, true),
  twice: fc.constantFrom(false, false, false, true)
})

/** Exposures of one object in order of time, at most one of a time and filter. */
const object = fc
  .uniqueArray(exposure, { minLength: 1, maxLength: 7, selector: ({ hours, fid }) => `${hours}/${fid}` })
  .map(exposures => exposures.sort((a, b) => a.hours - b.hours || a.fid - b.fid))

/** Alerts by name, of one to four objects: reprocessed images, rounded histories, limits, refused ones, late quality, mixed programmes, versions. */
export const alertStreams: fc.Arbitrary<ReadonlyMap<string, Alert>> = fc
  .array(object, { minLength: 1, maxLength: 4 })
  .map(objects => new Map(objects.flatMap((exposures, index) => alertsOf(`ZTF18aaaaaa${index}`, exposures))))

function alertsOf(objectId: string, exposures: readonly Exposure[]): [string, Alert][] {
  return exposures.flatMap((exposure, index): [string, Alert][] => {
    const history = exposures
      .slice(0, index)
      .filter(({ hours }) => hours < exposure.hours)
      .map((earlier, back) => seenFrom(objectId, earlier, index - back))
    const { programId, realBogus, solarSystemDistance, droppedPoints } = exposure
    const photometry = { realBogus, solarSystemDistance, droppedPoints, context: contextWith({ ndethist: index }) }
    const alert = alertOf(objectId, pointOf(objectId, exposure), { programId, photometry, history })
    const other = { ...alert, record: { ...alert.record, ra: 11 } }
    const name = `${objectId}/${index}`
    return exposure.twice
      ? [
          [name, alert],
          [`${name} again`, other]
        ]
      : [[name, alert]]
  })
}

function pointOf(objectId: string, { hours, fid, magnitude, realBogus, solarSystemDistance }: Exposure): Observation {
  return {
    jd: 2459000.5 + hours / 24,
    fid,
    detection: true,
    own: true,
    positive: magnitude < 19,
    candid: (BigInt(hours) * 10n + BigInt(fid)) * 100n + BigInt(objectId.at(-1) ?? 0),
    magnitude: Math.fround(magnitude),
    error: Math.fround(0.1),
    realBogus: realBogus === null ? null : Math.fround(realBogus),
    solarSystemDistance
  }
}

/** An earlier exposure as a point of a later packet's history, `distance` packets on. */
function seenFrom(objectId: string, exposure: Exposure, distance: number): HistoryPoint {
  const own = pointOf(objectId, exposure)
  const { programId } = exposure
  if (exposure.limit && distance % 2 === 1) {
    const quality = { realBogus: null, solarSystemDistance: null }
    const nothing = { detection: false, own: false, positive: false, candid: null, error: 0, ...quality }
    return { programId, observation: { ...own, ...nothing, magnitude: Math.fround(20.5) } }
  }
  const again = exposure.reprocessed && distance > 1
  const magnitude = Math.fround(Math.round((own.magnitude + (again ? 0.1 : 0)) * 1e4) / 1e4)
  const candid = (own.candid as bigint) + (again ? 1_000_000_000n : 0n)
  const { realBogus, solarSystemDistance, late } = exposure.told
  const quality =
    late && distance < 2
      ? { realBogus: null, solarSystemDistance: null }
      : { realBogus: realBogus === null ? null : Math.fround(realBogus), solarSystemDistance }
  return { programId, observation: { ...own, own: false, magnitude, candid, ...quality } }
}
