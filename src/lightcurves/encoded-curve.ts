import { furtherCandidAt, furtherOf, furtherSize } from './further-codec.ts'
import type { LightCurve, Prefix } from './light-curve.ts'
import { type Band, bandOf, type FilterId, type Observation } from './observation.ts'
import {
  addHash,
  furtherCandids,
  hashPoint,
  isDetection,
  observationsOf,
  pointSize,
  readPoint,
  revisionOf
} from './point-codec.ts'
import { noTotals, type Totals } from './totals.ts'

/** The light curve of an object over its stored bytes: fixed-size points, sorted by (`jd`, `fid`). */
export class EncodedCurve implements LightCurve {
  static readonly empty = new EncodedCurve(Buffer.alloc(0), Buffer.alloc(0), noTotals)

  readonly length: number
  readonly points: Buffer
  /** Further candids as bytes, sorted by (`jd`, `fid`, `candid`); see `further-codec.ts`. */
  readonly furtherBytes: Buffer
  readonly totals: Totals

  constructor(points: Buffer, furtherBytes: Buffer, totals: Totals) {
    this.length = points.length / pointSize
    this.points = points
    this.furtherBytes = furtherBytes
    this.totals = totals
  }

  at(index: number): Observation {
    return readPoint(this.points, index * pointSize)
  }

  jd(index: number): number {
    return this.points.readDoubleLE(index * pointSize)
  }

  upTo(jd: number): Prefix {
    const length = this.lengthUpTo(jd)
    let { detections, hash } = this.totals
    for (let index = length; index < this.length; index++) {
      if (isDetection(this.points, index * pointSize)) detections--
      hash = addHash(hash, -this.hashAt(index))
    }
    return {
      length,
      detections,
      upperLimits: length - detections,
      firstJd: length > 0 ? this.jd(0) : null,
      lastJd: length > 0 ? this.jd(length - 1) : null,
      firstDetectionJd: detections > 0 ? this.jd(this.nextDetection(0, 1)) : null,
      lastDetectionJd: detections > 0 ? this.jd(this.nextDetection(length - 1, -1)) : null,
      hash,
      revision: this.revisionUpTo(jd),
      hiddenRevision: 0
    }
  }

  /** The revision of the points with `jd` ≤ the given one. */
  revisionUpTo(jd: number): number {
    let { revision } = this.totals
    for (let index = this.lengthUpTo(jd); index < this.length; index++)
      revision -= revisionOf(this.points, index * pointSize)
    return revision
  }

  hashOf(length: number): bigint {
    let hash = this.totals.hash
    for (let index = length; index < this.length; index++) hash = addHash(hash, -this.hashAt(index))
    return hash
  }

  latest(length: number): Partial<Record<Band, number>> {
    const found: (number | undefined)[] = [undefined, undefined, undefined]
    let missing = found.length
    for (let index = length - 1; index >= 0 && missing > 0; index--) {
      if (!isDetection(this.points, index * pointSize)) continue
      const { fid, magnitude } = this.at(index)
      if (found[fid - 1] !== undefined) continue
      found[fid - 1] = magnitude
      missing--
    }
    const latest: Partial<Record<Band, number>> = {}
    found.forEach((magnitude, index) => {
      if (magnitude !== undefined) latest[bandOf((index + 1) as FilterId)] = magnitude
    })
    return latest
  }

  /** Candids that were seen at a point besides the one in the view, ascending. */
  furtherAt(index: number): bigint[] {
    const offset = index * pointSize
    if (furtherCandids(this.points, offset) === 0) return []
    const [from, to] = furtherOf(this.furtherBytes, this.points, offset)
    const candids: bigint[] = []
    for (let at = from; at < to; at += furtherSize) candids.push(furtherCandidAt(this.furtherBytes, at))
    return candids
  }

  /** Number of leading points with `jd` ≤ the given one. */
  private lengthUpTo(jd: number): number {
    // Alerts come nearly in time order: the answer is most often the whole curve.
    if (this.length === 0 || this.jd(this.length - 1) <= jd) return this.length
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.jd(middle) <= jd) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Index of the detection at or next to an index, in steps of 1 or −1; there must be one. */
  private nextDetection(from: number, step: 1 | -1): number {
    let index = from
    while (!isDetection(this.points, index * pointSize)) index += step
    return index
  }

  private hashAt(index: number): bigint {
    return hashPoint(this.points, index * pointSize, this.furtherAt(index))
  }
}

/**
 * Observations that make this curve, and add to any other all that this one knows: a candid of which nothing else is left is
 * an upper limit that never stands, for what beat it comes along.
 */
export function allObservations(curve: EncodedCurve): Observation[] {
  const observations = Array.from({ length: curve.length }, (_, index) =>
    observationsOf(curve.points, index * pointSize)
  ).flat()
  const quality = { realBogus: null, solarSystemDistance: null }
  const nothing = { detection: false, own: false, positive: false, magnitude: 0, error: 0, ...quality }
  for (let index = 0; index < curve.length; index++) {
    const fid = curve.points[index * pointSize + 24] as FilterId
    for (const candid of curve.furtherAt(index)) observations.push({ ...nothing, jd: curve.jd(index), fid, candid })
  }
  return observations
}
