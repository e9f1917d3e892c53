import { addHash } from '../points/fingerprint.ts'
import {
  brightnessOf,
  errorOf,
  filterOf,
  hashPoint,
  isDetection,
  isPositive,
  magnitudeOf,
  observationsOf,
  pointSize,
  readPoint,
  revisionOf,
  supersededCandidAt,
  supersededCount,
  supersededRange,
  supersededSize,
  timeOf,
  viewOf
} from '../points/layout.ts'
import { type Band, bands, type FilterId, type Observation } from '../points/observation.ts'
import { lowerBound } from '../points/ordering.ts'
import { noTotals, type Totals } from '../points/totals.ts'

/** The part of a light curve up to a time, counted. */
export interface Prefix {
  /** Number of leading points that belong to it. */
  readonly length: number
  readonly detections: number
  readonly upperLimits: number
  /** Julian date of the first and last point (detection or upper limit), days; null where there is none. */
  readonly firstJd: number | null
  readonly lastJd: number | null
  /** Julian date of the first and last detection, days; null where there is none. */
  readonly firstDetectionJd: number | null
  readonly lastDetectionJd: number | null
  /** Sum of the points' hashes modulo 2^64. */
  readonly hash: bigint
  /** Grows with what is known of all stored points of that time, those that the gates leave out of the view included. */
  readonly revision: number
  /** The part of the revision that points which the gates leave out have; 0 where none is left out. */
  readonly hiddenRevision: number
}

/** The brightest of some points; the index is −1 if there is none. */
interface Brightest {
  readonly index: number
  readonly magnitude: number
}

/** Shared, as most points have none. */
const noCandids: readonly bigint[] = []

const noPoints: readonly Brightest[] = bands.map(() => ({ index: -1, magnitude: Number.POSITIVE_INFINITY }))

/** The values that are not null, by band; in the order g, r, i. */
function ofBands<T>(values: readonly (T | null)[]): Partial<Record<Band, T>> {
  const known: Partial<Record<Band, T>> = {}
  for (const [at, band] of bands.entries()) {
    const value = values[at]
    if (value != null) known[band] = value
  }
  return known
}

/**
 * An object's light curve: the view of all observations merged so far, one point per (`jd`, `fid`), sorted by `jd`, then
 * `fid`; or of those that pass the gates (`gates.ts`). Immutable; backed by the stored bytes.
 */
export class LightCurve {
  static readonly empty = new LightCurve(Buffer.alloc(0), Buffer.alloc(0), noTotals)

  readonly length: number
  readonly points: Buffer
  /** Superseded candids as bytes; see `layout.ts`. */
  readonly supersededBytes: Buffer
  readonly totals: Totals
  /** The curve of all stored points, which determines the revision; this curve itself unless points are left out. */
  private readonly whole: LightCurve
  /** A view of the points, and sums. They are created on first use, because most curves are only steps of a merge. */
  private ofPoints: DataView | null = null
  /** Sums from the end, because most alerts are among an object's last. */
  private lastHashes: PartialSums<bigint> | null = null
  private lastRevisions: PartialSums<number> | null = null
  private lastDetections: PartialSums<number> | null = null
  /** By band, the brightest point. */
  private brightest: PartialSums<readonly Brightest[]> | null = null

  constructor(points: Buffer, supersededBytes: Buffer, totals: Totals, whole?: LightCurve) {
    this.length = points.length / pointSize
    this.points = points
    this.supersededBytes = supersededBytes
    this.totals = totals
    this.whole = whole ?? this
  }

  /** The point at an index, decoded. */
  at(index: number): Observation {
    return readPoint(this.points, index * pointSize)
  }

  /** Julian date of the point at an index. This and the following methods decode only their field. */
  jd(index: number): number {
    return timeOf(this.view, index * pointSize)
  }

  magnitude(index: number): number {
    return magnitudeOf(this.view, index * pointSize)
  }

  error(index: number): number {
    return errorOf(this.view, index * pointSize)
  }

  fid(index: number): FilterId {
    return filterOf(this.points, index * pointSize)
  }

  isDetection(index: number): boolean {
    return isDetection(this.points, index * pointSize)
  }

  isPositive(index: number): boolean {
    return isPositive(this.points, index * pointSize)
  }

  /** Counts, hash and revision of the points with `jd` ≤ the given one. */
  upTo(jd: number): Prefix {
    const revision = this.whole.revisionUpTo(jd)
    const length = this.lengthUpTo(jd)
    const detections = this.totals.detections - this.detectionsFrom(length)
    return {
      length,
      detections,
      upperLimits: length - detections,
      firstJd: length > 0 ? this.jd(0) : null,
      lastJd: length > 0 ? this.jd(length - 1) : null,
      firstDetectionJd: detections > 0 ? this.jd(this.nextDetection(0, 1)) : null,
      lastDetectionJd: detections > 0 ? this.jd(this.nextDetection(length - 1, -1)) : null,
      hash: this.hashOf(length),
      revision,
      hiddenRevision: this.whole === this ? 0 : revision - this.revisionUpTo(jd)
    }
  }

  private detectionsFrom(length: number): number {
    if (length === this.length) return 0
    this.lastDetections ??= new PartialSums(0, (sum, back) => sum + (this.isDetection(this.length - 1 - back) ? 1 : 0))
    return this.lastDetections.of(this.length - length)
  }

  private revisionUpTo(jd: number): number {
    const length = this.lengthUpTo(jd)
    if (length === this.length) return this.totals.revision
    this.lastRevisions ??= new PartialSums(
      0,
      (sum, back) => sum + revisionOf(this.points, (this.length - 1 - back) * pointSize)
    )
    return this.totals.revision - this.lastRevisions.of(this.length - length)
  }

  /** Hash of the first `length` points: the key of cached hidden states. */
  hashOf(length: number): bigint {
    if (length === this.length) return this.totals.hash
    this.lastHashes ??= new PartialSums(0n, (sum, back) => addHash(sum, this.hashAt(this.length - 1 - back)))
    return addHash(this.totals.hash, -this.lastHashes.of(this.length - length))
  }

  /** Magnitude of the latest detection of each band among the first `length` points; bands in the order g, r, i. */
  latest(length: number): Partial<Record<Band, number>> {
    const found: (number | null)[] = bands.map(() => null)
    let missing = found.length
    for (let index = length - 1; index >= 0 && missing > 0; index--) {
      const band = this.fid(index) - 1
      if (found[band] !== null || !this.isDetection(index)) continue
      found[band] = this.magnitude(index)
      missing--
    }
    return ofBands(found)
  }

  /**
   * The brightest detection of each band with a positive difference among the first `length` points, the earliest of equally bright ones;
   * bands in the order g, r, i.
   */
  peak(length: number): Partial<Record<Band, { jd: number; magnitude: number }>> {
    this.brightest ??= new PartialSums(noPoints, (before, index) => {
      const magnitude = brightnessOf(this.view, index * pointSize)
      const band = this.fid(index) - 1
      return magnitude < (before[band] as Brightest).magnitude ? before.with(band, { index, magnitude }) : before
    })
    const found = this.brightest.of(length)
    return ofBands(found.map(({ index, magnitude }) => (index < 0 ? null : { jd: this.jd(index), magnitude })))
  }

  /** The superseded candids of a point, ascending. */
  supersededAt(index: number): readonly bigint[] {
    const offset = index * pointSize
    if (supersededCount(this.points, offset) === 0) return noCandids
    const [from, to] = supersededRange(this.supersededBytes, this.points, offset)
    const candids: bigint[] = []
    for (let at = from; at < to; at += supersededSize) candids.push(supersededCandidAt(this.supersededBytes, at))
    return candids
  }

  get view(): DataView {
    this.ofPoints ??= viewOf(this.points)
    return this.ofPoints
  }

  /** Number of leading points with `jd` ≤ the given one. */
  private lengthUpTo(jd: number): number {
    // Alerts come nearly in time order, so the result is most often the whole curve.
    if (this.length === 0 || this.jd(this.length - 1) <= jd) return this.length
    return lowerBound(this.length, index => this.jd(index) <= jd)
  }

  /** Index of the detection at or next to an index, in steps of 1 or −1; there must be one. */
  private nextDetection(from: number, step: 1 | -1): number {
    let index = from
    while (!this.isDetection(index)) index += step
    return index
  }

  private hashAt(index: number): bigint {
    return hashPoint(this.points, index * pointSize, this.supersededAt(index))
  }
}

/**
 * Observations from which this curve can be rebuilt, and which add all its data to another curve. A superseded candid, of which nothing else
 * is stored, becomes an upper limit. It is never selected, because the point that superseded it is in the list too.
 */
export function allObservations(curve: LightCurve): Observation[] {
  const observations = Array.from({ length: curve.length }, (_, index) =>
    observationsOf(curve.points, index * pointSize)
  ).flat()
  const quality = { realBogus: null, solarSystemDistance: null }
  const nothing = { detection: false, own: false, positive: false, magnitude: 0, error: 0, ...quality }
  for (let index = 0; index < curve.length; index++) {
    const { fid } = curve.at(index)
    for (const candid of curve.supersededAt(index)) observations.push({ ...nothing, jd: curve.jd(index), fid, candid })
  }
  return observations
}

/** Number of elements between two stored sums. */
const spacing = 64

/**
 * Sums of the first elements of a sequence. Every 64th sum is stored. So many sums together read each element about once, and each sum reads
 * at most 64 more. The returned sums must not be changed.
 */
class PartialSums<T> {
  /** Sums of the first 0, 64, 128, … elements. */
  private readonly kept: T[]
  private readonly add: (sum: T, element: number) => T

  /** `add` returns the sum plus the element at an index. */
  constructor(zero: T, add: (sum: T, element: number) => T) {
    this.kept = [zero]
    this.add = add
  }

  /** The sum of the first `count` elements. */
  of(count: number): T {
    const { kept, add } = this
    const from = Math.min(Math.floor(count / spacing), kept.length - 1)
    let sum = kept[from] as T
    for (let element = from * spacing; element < count; element++) {
      sum = add(sum, element)
      if (element + 1 === kept.length * spacing) kept.push(sum)
    }
    return sum
  }
}
