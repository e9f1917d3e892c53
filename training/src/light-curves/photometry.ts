import { greatestError, isBetween, isError, limitRange, magnitudeRange } from 'hierax/alerts/surveys/ztf-values.ts'
import type { FilterId } from 'hierax/lightcurves/points/observation.ts'
import { inOrder, jdOfMjd0, type PhotometryKind, rounded, type SimulatedPoint } from './light-curve.ts'

/** A measurement as a light-curve file has it. */
export interface Measurement {
  readonly mjd: number
  readonly fid: FilterId
  /** Magnitude, or flux in μJy, by the kind of photometry. */
  readonly value: number
  /** 1-sigma error in the unit of `value`; null for an upper limit. */
  readonly error: number | null
  readonly upperLimit: boolean
  readonly positive: boolean
}

/** AB magnitude of a flux of 1 μJy. */
export const zeroPoint = 23.9
/** 2.5 / ln 10: error in magnitudes of a relative error in flux. */
export const magnitudesPerPart = 1.0857362
/** ZTF alerts are detections of at least this many sigmas. */
export const significance = 5
/** Typical 5-sigma limits of ZTF difference images in g, r and i, mag. */
const typicalLimits: readonly [number, number, number] = [20.7, 20.5, 20]
/** The public survey shows a field once a night and band; data releases hold more visits. Days. */
const shortestGap = 0.5

/** What is wrong with a measurement, and the name of its column in a light-curve file. */
interface Fault {
  readonly column: 'mag' | 'flux' | 'err'
  readonly message: string
}

/**
 * Says what is wrong with a measurement; null for nothing. Magnitudes such as −999 or 99 stand for "none" in many tables: as
 * measurements they are refused, not guessed. The ranges are those of alert packets.
 */
export function measurementFault(
  kind: PhotometryKind,
  { value, error, upperLimit }: Pick<Measurement, 'value' | 'error' | 'upperLimit'>
): Fault | null {
  if (kind === 'difference_flux_uJy') return fluxFault(value, upperLimit ? null : (error ?? 0))
  const { from, to } = upperLimit ? limitRange : magnitudeRange
  if (!isBetween(value, from, to)) {
    const what = upperLimit ? 'the magnitude of an upper limit' : 'a magnitude'
    return { column: 'mag', message: `should be ${what} from ${from} to ${to}, it is ${value}` }
  }
  if (upperLimit || isError(error)) return null
  const wanted = `a number above 0 and at most ${greatestError.toFixed(1)}`
  return { column: 'err', message: `should be ${wanted} for a detection, it is ${error}${tooSmall(error)}` }
}

/** What to add about an error that is above 0, but not in single precision, as packets and networks have it. */
function tooSmall(error: number | null): string {
  return error !== null && error > 0 && Math.fround(error) === 0
    ? ', which is 0 in single precision; give the error that was measured, or leave the point out'
    : ''
}

/** `error` is null for an upper limit. Any flux down to nothing is possible, unless it is given as a detection fainter than the range. */
function fluxFault(flux: number, error: number | null): Fault | null {
  const most = fluxOf(magnitudeRange.from)
  if (!(Math.abs(flux) <= most))
    return { column: 'flux', message: `should be within ±${most.toPrecision(2)} μJy, it is ${flux}` }
  if (error === null) return null
  const greatest = fluxOf(limitRange.from) / significance
  if (!(error > 0 && error <= greatest)) {
    const wanted = `a number above 0 and at most ${greatest.toPrecision(2)} μJy`
    return { column: 'err', message: `should be ${wanted}, it is ${error}` }
  }
  const least = fluxOf(magnitudeRange.to)
  if (Math.abs(flux) < significance * error) return null
  const ofMagnitude = magnitudeError(flux, error)
  if (tooSmall(ofMagnitude) !== '')
    return {
      column: 'err',
      message: `should be an error of the flux in μJy, it is ${error}: that of the magnitude is ${ofMagnitude}${tooSmall(ofMagnitude)}`
    }
  if (Math.abs(flux) >= least) return null
  const wanted = `at least ${least.toPrecision(2)} μJy for a detection of ${significance} sigma`
  return { column: 'flux', message: `should be ${wanted}, it is ${flux}` }
}

/** The error of a magnitude, mag, from a flux and its error in any unit. */
export function magnitudeError(flux: number, error: number): number {
  return (magnitudesPerPart * error) / Math.abs(flux)
}

/** The flux of a magnitude, μJy. */
function fluxOf(magnitude: number): number {
  return 10 ** ((zeroPoint - magnitude) / 2.5)
}

/** Measurements of any kind as difference photometry. */
export function toDifference(kind: PhotometryKind, measurements: readonly Measurement[]): SimulatedPoint[] {
  if (kind === 'difference_mag') return inOrder(measurements.map(fromMagnitude))
  if (kind === 'difference_flux_uJy') return inOrder(measurements.map(m => fromFlux(m, m.value, m.error ?? 0)))
  return inOrder(fromTotal(measurements))
}

function fromMagnitude(measurement: Measurement): SimulatedPoint {
  return point(measurement, !measurement.upperLimit, measurement.positive, measurement.value, measurement.error ?? 0)
}

/** The point of a difference flux: a detection if the flux is significant, otherwise the limit that follows from its error. */
function fromFlux(measurement: Measurement, flux: number, error: number): SimulatedPoint {
  const limit = zeroPoint - 2.5 * Math.log10(significance * Math.max(error, 1e-3))
  if (error <= 0 || Math.abs(flux) < significance * error) return point(measurement, false, false, limit, 0)
  const magnitude = zeroPoint - 2.5 * Math.log10(Math.abs(flux))
  return point(measurement, true, flux > 0, magnitude, magnitudeError(flux, error))
}

/**
 * Total magnitudes of a variable star as a survey would see them against a reference image: the reference is the mean flux of
 * its band; noise is the star's own and that of an image of typical depth; what stands out by five sigmas is a
 * detection.
 */
function fromTotal(measurements: readonly Measurement[]): SimulatedPoint[] {
  const points: SimulatedPoint[] = []
  for (const fid of [1, 2, 3] as const) {
    const band = measurements.filter(m => m.fid === fid && m.error !== null).sort((a, b) => a.mjd - b.mjd)
    const reference = band.reduce((sum, m) => sum + fluxOf(m.value), 0) / band.length
    const background = fluxOf(typicalLimits[fid - 1]!) / significance
    let latest = Number.NEGATIVE_INFINITY
    for (const measurement of band) {
      if (measurement.mjd - latest < shortestGap) continue
      latest = measurement.mjd
      const total = fluxOf(measurement.value)
      const noise = Math.hypot((total * (measurement.error ?? 0)) / magnitudesPerPart, background)
      points.push(fromFlux(measurement, total - reference, noise))
    }
  }
  return points
}

/** Four decimals for what only histories carry, as they have them; single precision throughout, as packets have it. */
function point(
  { mjd, fid }: Measurement,
  detection: boolean,
  positive: boolean,
  magnitude: number,
  error: number
): SimulatedPoint {
  return {
    jd: rounded(mjd + jdOfMjd0, 7),
    fid,
    detection,
    positive: detection && positive,
    magnitude: Math.fround(detection ? magnitude : rounded(magnitude, 4)),
    error: detection ? Math.fround(error) : 0
  }
}
