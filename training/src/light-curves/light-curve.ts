import type { FilterId } from 'hierax/lightcurves/points/observation.ts'

/** One point of a light curve that goes into the simulator: difference photometry, as ZTF alerts carry it. */
export interface SimulatedPoint {
  /** Julian date of mid-exposure, days, with seven decimals as ZTF writes them. */
  readonly jd: number
  readonly fid: FilterId
  readonly detection: boolean
  /** Sign of the difference; false for upper limits. */
  readonly positive: boolean
  /** Difference magnitude of a detection, 5-sigma limiting magnitude of an upper limit; mag, single precision. */
  readonly magnitude: number
  /** 1-sigma error, mag, single precision; 0 for upper limits. */
  readonly error: number
  /** Why the usual admission settings refuse the detection; absent for those that are good. */
  readonly refused?: Refused
}

/** A detection with a low real–bogus score, or near a known solar-system object. */
export type Refused = 'bogus' | 'solar-system'

/** A light curve that goes into the simulator. */
export interface SimulatedLightCurve {
  /** ZTF object id, or the name of the source in another catalogue. */
  readonly id: string
  /** Published type, for example `SN Ia`. */
  readonly label: string
  /** The public collection it came from. */
  readonly source: string
  /** Degrees, J2000; null where unknown. */
  readonly ra: number | null
  readonly dec: number | null
  /** In time order, no two of a band within a second. */
  readonly points: readonly SimulatedPoint[]
}

/** Kinds of photometry that light-curve files hold. */
export type PhotometryKind = 'difference_mag' | 'total_mag' | 'difference_flux_uJy'

/** Julian date minus modified Julian date, days. */
export const jdOfMjd0 = 2400000.5

/** Rounded to this many decimals, as in the survey's databases. */
export function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals))
}

/** Sorts points by time and keeps one of those of a band that are less than a second apart: detections first. */
export function inOrder(points: readonly SimulatedPoint[]): SimulatedPoint[] {
  const second = 1 / 86_400
  const kept: SimulatedPoint[] = []
  const sorted = [...points].sort((a, b) => a.jd - b.jd || a.fid - b.fid || Number(b.detection) - Number(a.detection))
  for (const point of sorted) {
    const earlier = kept.findLastIndex(other => other.fid === point.fid)
    const twin = kept[earlier]
    if (!twin || point.jd - twin.jd >= second) kept.push(point)
    else if (point.detection && !twin.detection) {
      kept.splice(earlier, 1)
      kept.push(point)
    }
  }
  return kept
}
