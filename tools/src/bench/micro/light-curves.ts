import { LightCurve } from 'hierax/lightcurves/curve/light-curve.ts'
import { mergeObservations } from 'hierax/lightcurves/curve/merge.ts'
import type { AlertContext, AlertRecord, FilterId, Observation } from 'hierax/lightcurves/points/observation.ts'
import type { Addition } from 'hierax/lightcurves/store.ts'

/** Days between two points. */
const cadence = 1.5
const begin = 2_459_000.5

/** A detection of a synthetic object (`mixed`: every fourth point is an upper limit), as in its own packet or in a later history. */
export function observation(index: number, { own, mixed }: { own: boolean; mixed: boolean }): Observation {
  const detection = !mixed || index % 4 !== 1
  const magnitude = 18.5 + Math.sin(index / 7) + index * 1e-4
  return {
    jd: begin + index * cadence,
    fid: ((index % 2) + 1) as FilterId,
    detection,
    own: own && detection,
    positive: detection,
    candid: detection ? BigInt(index) + 1_000_000_000_000_000_000n : null,
    magnitude: Math.fround(own ? magnitude : Math.round(magnitude * 1e4) / 1e4),
    error: detection ? Math.fround(0.1) : 0,
    realBogus: detection ? Math.fround(own ? 0.98 : 0.7) : null,
    solarSystemDistance: null
  }
}

/** A light curve with a number of points. */
export function curveOf(points: number, mixed = false): LightCurve {
  const observations = Array.from({ length: points }, (_, index) => observation(index, { own: true, mixed }))
  return mergeObservations(LightCurve.empty, observations)
}

/** The observations in the packet of the point at `index`: itself and the `history` points before it. */
export function additionAt(objectId: string, index: number, history = 10): Addition {
  const from = Math.max(0, index - history)
  const earlier = Array.from({ length: index - from }, (_, i) => observation(from + i, { own: false, mixed: true }))
  const own = { ...observation(index, { own: true, mixed: false }) }
  return { objectId, observations: [...earlier, own], alerts: [{ record: recordOf(own), admitted: true }] }
}

/** The alert of a detection. */
export function recordOf({ jd, candid, magnitude, error }: Observation): AlertRecord {
  return {
    candid: candid ?? 0n,
    jd,
    ra: 123.456,
    dec: 12.345,
    programId: 1,
    photometry: {
      band: 'g',
      magnitude,
      error,
      positive: true,
      realBogus: 0.98,
      starScore: 0.1,
      starDistance: 2.5,
      solarSystemDistance: null,
      context
    }
  }
}

/** A context with every field known. */
const context: AlertContext = {
  sgscore1: 0.1,
  distpsnr1: 2.5,
  sgmag1: 21.5,
  srmag1: 20.5,
  simag1: 20.25,
  szmag1: 20,
  sgscore2: 0.5,
  distpsnr2: 9,
  distnr: 2.25,
  magnr: 20.75,
  chinr: 0.75,
  sharpnr: 0.125,
  neargaia: 17,
  maggaia: 18.5,
  classtar: 0.98,
  ndethist: 12,
  ncovhist: 900,
  jdstarthist: begin
}
