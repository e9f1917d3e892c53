import { addHash } from './fingerprint.ts'
import { hashPoint, isDetection, pointSize, realBogusOf, revisionOf, solarSystemDistanceOf } from './layout.ts'

/** Sums over all points of a curve, and its least quality. */
export interface Totals {
  readonly detections: number
  readonly hash: bigint
  readonly revision: number
  /** The least real–bogus score and solar-system distance that is known of a point; infinite where none is. */
  readonly leastRealBogus: number
  readonly leastSolarSystemDistance: number
}

/** The totals of a curve without points. */
export const noTotals: Totals = {
  detections: 0,
  hash: 0n,
  revision: 0,
  leastRealBogus: Number.POSITIVE_INFINITY,
  leastSolarSystemDistance: Number.POSITIVE_INFINITY
}

/** Totals while points come and go. */
export class RunningTotals {
  private detections: number
  private hash: bigint
  private revision: number
  private leastRealBogus: number
  private leastSolarSystemDistance: number
  /** Whether a point went that had a least value: only the points that are left tell the next one. */
  private stale = false

  constructor(totals: Totals = noTotals) {
    this.detections = totals.detections
    this.hash = totals.hash
    this.revision = totals.revision
    this.leastRealBogus = totals.leastRealBogus
    this.leastSolarSystemDistance = totals.leastSolarSystemDistance
  }

  /** A point comes, with the candids superseded there. */
  add(points: Buffer, offset: number, superseded: readonly bigint[]): void {
    if (isDetection(points, offset)) this.detections++
    this.revision += revisionOf(points, offset)
    this.hash = addHash(this.hash, hashPoint(points, offset, superseded))
    this.lower(points, offset)
  }

  /** A point that was counted goes. */
  remove(points: Buffer, offset: number, superseded: readonly bigint[]): void {
    if (isDetection(points, offset)) this.detections--
    this.revision -= revisionOf(points, offset)
    this.hash = addHash(this.hash, -hashPoint(points, offset, superseded))
    this.stale ||=
      realBogusOf(points, offset) <= this.leastRealBogus ||
      solarSystemDistanceOf(points, offset) <= this.leastSolarSystemDistance
  }

  /** The totals; `points` are all that were counted and did not go. */
  of(points: Buffer): Totals {
    if (this.stale) {
      this.leastRealBogus = Number.POSITIVE_INFINITY
      this.leastSolarSystemDistance = Number.POSITIVE_INFINITY
      for (let offset = 0; offset < points.length; offset += pointSize) this.lower(points, offset)
      this.stale = false
    }
    return this.sums()
  }

  /** The totals, of which the least values may be too small where points went. */
  sums(): Totals {
    const { detections, hash, revision, leastRealBogus, leastSolarSystemDistance } = this
    return { detections, hash, revision, leastRealBogus, leastSolarSystemDistance }
  }

  private lower(points: Buffer, offset: number): void {
    const realBogus = realBogusOf(points, offset)
    if (realBogus < this.leastRealBogus) this.leastRealBogus = realBogus
    const distance = solarSystemDistanceOf(points, offset)
    if (distance < this.leastSolarSystemDistance) this.leastSolarSystemDistance = distance
  }
}
