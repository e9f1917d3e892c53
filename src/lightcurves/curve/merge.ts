import {
  addsProgram,
  candidAt,
  isDetection,
  joinProgram,
  pointSize,
  programAt,
  setSupersededCount,
  supersededCount,
  supersededRange,
  supersededSize,
  viewOf,
  writeSuperseded
} from '../points/layout.ts'
import type { Observation } from '../points/observation.ts'
import { ascending, lowerBound } from '../points/ordering.ts'
import {
  addsQuality,
  compareIdentity,
  compareImage,
  comparePhotometry,
  joinQuality,
  sameBytes,
  samePoint,
  sameQuality
} from '../points/point-order.ts'
import { Points } from '../points/points.ts'
import { RunningTotals } from '../points/totals.ts'
import { LightCurve } from './light-curve.ts'

/**
 * Maximum number of points of one object. The longest light curves of eight years of ZTF have about 3,500. Without a limit, anyone who can
 * write alerts could make an object arbitrarily large, and each of its alerts arbitrarily expensive.
 */
export const maxPoints = 10_000

/** Maximum number of superseded candids that are kept for a point: the greatest ones. Real streams have at most one. */
export const maxSuperseded = 7

/** A point that is being merged: its bytes and the candids that it supersedes. */
interface Candidate {
  readonly bytes: Buffer
  readonly superseded: readonly bigint[]
}

/** A point that is new to the curve, and the index before which it belongs. */
interface Insertion {
  readonly before: number
  candidate: Candidate
}

/**
 * Adds observations to a curve. Idempotent, commutative and associative: any order, duplication and split of the same
 * observations ends in the same bytes. Returns the curve itself if nothing changed. A curve never has more than
 * `maxPoints`; `withinLimit` decides which points are kept.
 */
export function mergeObservations(curve: LightCurve, observations: readonly Observation[] | Points): LightCurve {
  const changed = new Map<number, Candidate>()
  const inserted: Insertion[] = []
  const bytes = inOrder(Points.of(observations).bytes)
  const view = viewOf(bytes)
  const known = curve.view
  let from = 0
  for (let offset = 0; offset < bytes.length; offset += pointSize) {
    const index = locate(known, curve.length, view, offset, from)
    const found = index < curve.length && compareIdentity(known, index * pointSize, view, offset) === 0
    from = index
    // The common cases, decided without decoding a point: histories repeat known points.
    if (found && sameBytes(known, index * pointSize, view, offset)) continue
    if (found && addsNothing(curve, index, bytes, offset)) continue
    const candidate = { bytes: Buffer.from(bytes.subarray(offset, offset + pointSize)), superseded: [] }
    if (found) change(curve, changed, index, candidate)
    else insert(inserted, index, candidate)
  }
  if (changed.size === 0 && inserted.length === 0) return curve
  const merged = rebuild(curve, changed, inserted)
  return merged.length > maxPoints ? withinLimit(merged, maxPoints) : merged
}

/** Points sorted by time, then filter; the same buffer if they are sorted already, as most are. */
function inOrder(points: Buffer): Buffer {
  const view = viewOf(points)
  for (let offset = pointSize; offset < points.length; offset += pointSize) {
    if (compareIdentity(view, offset - pointSize, view, offset) <= 0) continue
    const offsets = Array.from({ length: points.length / pointSize }, (_, index) => index * pointSize)
    offsets.sort((a, b) => compareIdentity(view, a, view, b))
    return Buffer.concat(offsets.map(at => points.subarray(at, at + pointSize)))
  }
  return points
}

/** The index of the point of this identity, or where it would be inserted, among `length` points, at or after `from`. */
function locate(known: DataView, length: number, view: DataView, offset: number, from: number): number {
  // Points that are neighbours in a history are most often neighbours in the curve.
  let near = from
  for (const end = Math.min(from + 2, length); near < end; near++)
    if (compareIdentity(known, near * pointSize, view, offset) >= 0) return near
  return lowerBound(length, at => compareIdentity(known, at * pointSize, view, offset) < 0, near)
}

/** Whether this point changes nothing: the stored point has all its values, or takes precedence and already has its candid. */
function addsNothing(curve: LightCurve, index: number, bytes: Buffer, offset: number): boolean {
  const present = index * pointSize
  if (addsProgram(curve.points, present, bytes, offset)) return false
  const order = compareImage(curve.points, present, bytes, offset)
  if (order < 0) return false
  if (order === 0)
    return (
      comparePhotometry(curve.points, present, bytes, offset) >= 0 && !addsQuality(curve.points, present, bytes, offset)
    )
  const candid = candidAt(bytes, offset)
  return candid === null || candid === candidAt(curve.points, present) || curve.supersededAt(index).includes(candid)
}

/** Adds a point to the changed points of the curve. */
function change(curve: LightCurve, changed: Map<number, Candidate>, index: number, candidate: Candidate): void {
  const offset = index * pointSize
  const present = changed.get(index) ?? {
    bytes: curve.points.subarray(offset, offset + pointSize),
    superseded: curve.supersededAt(index)
  }
  const merged = combine(present, candidate)
  if (!sameCandidate(present, merged)) changed.set(index, merged)
}

/** Adds a point to the new points. Points of one identity follow each other. */
function insert(inserted: Insertion[], before: number, candidate: Candidate): void {
  const last = inserted.at(-1)
  if (last && compareIdentity(viewOf(last.candidate.bytes), 0, viewOf(candidate.bytes), 0) === 0)
    last.candidate = combine(last.candidate, candidate)
  else inserted.push({ before, candidate })
}

/**
 * Merges two points of one identity: the greater image is selected, and the candids of both are kept. For two points of one image, the
 * photometry is taken as a whole from one of them, but each field of the quality separately, because a packet may contain one without the
 * other. The quality of the other image does not apply. The programme is that of the exposure: if packets have different ones, the greatest
 * is kept (separately for detections and upper limits), so that a point is restricted if any packet says so.
 */
function combine(a: Candidate, b: Candidate): Candidate {
  const image = compareImage(a.bytes, 0, b.bytes, 0)
  const order = image !== 0 ? image : comparePhotometry(a.bytes, 0, b.bytes, 0)
  const [winner, other] = order >= 0 ? [a, b] : [b, a]
  const own = candidAt(winner.bytes, 0)
  const seen = new Set([...a.superseded, ...b.superseded])
  for (const { bytes } of [a, b]) {
    const candid = candidAt(bytes, 0)
    if (candid !== null) seen.add(candid)
  }
  if (own !== null) seen.delete(own)
  const superseded = [...seen].sort(ascending).slice(-maxSuperseded)
  const bytes = Buffer.from(winner.bytes)
  if (image === 0) joinQuality(bytes, 0, other.bytes, 0)
  joinProgram(bytes, 0, other.bytes, 0)
  setSupersededCount(bytes, 0, superseded.length)
  return { bytes, superseded }
}

function sameCandidate(a: Candidate, b: Candidate): boolean {
  return (
    samePoint(a.bytes, 0, b.bytes, 0) &&
    sameQuality(a.bytes, 0, b.bytes, 0) &&
    programAt(a.bytes, 0) === programAt(b.bytes, 0) &&
    supersededCount(a.bytes, 0) === supersededCount(b.bytes, 0) &&
    // Comparing the numbers is not enough: at the maximum, a greater candid replaces a smaller one.
    a.superseded.length === b.superseded.length &&
    a.superseded.every((candid, index) => candid === b.superseded[index])
  )
}

/** A new curve with some points replaced and some inserted; untouched stretches are copied as they are. */
function rebuild(
  curve: LightCurve,
  changed: ReadonlyMap<number, Candidate>,
  inserted: readonly Insertion[]
): LightCurve {
  const points = Buffer.allocUnsafe(curve.points.length + inserted.length * pointSize)
  const totals = new RunningTotals(curve.totals)
  const original = Buffer.from(curve.points.buffer, curve.points.byteOffset, curve.points.length)
  const replaced = changed.size > 0 ? Buffer.from(original) : original
  for (const [index, { bytes, superseded }] of changed) {
    totals.remove(original, index * pointSize, curve.supersededAt(index))
    totals.add(bytes, 0, superseded)
    bytes.copy(replaced, index * pointSize)
  }
  let source = 0
  let target = 0
  for (const { before, candidate } of inserted) {
    target += replaced.copy(points, target, source, before * pointSize)
    source = before * pointSize
    target += candidate.bytes.copy(points, target)
    totals.add(candidate.bytes, 0, candidate.superseded)
  }
  replaced.copy(points, target, source)
  const candidates = [...changed.values(), ...inserted.map(i => i.candidate)]
  return new LightCurve(points, mergeSuperseded(curve, candidates), totals.of(points))
}

/** The superseded candids of the new curve: untouched stretches are copied as they are. */
function mergeSuperseded({ supersededBytes: known }: LightCurve, candidates: readonly Candidate[]): Buffer {
  if (known.length === 0 && candidates.every(({ superseded }) => superseded.length === 0)) return known
  const touched = candidates
    .map(candidate => ({ candidate, range: supersededRange(known, candidate.bytes, 0) }))
    .filter(({ candidate, range: [from, to] }) => candidate.superseded.length > 0 || to > from)
  if (touched.length === 0) return known
  touched.sort((a, b) => compareIdentity(viewOf(a.candidate.bytes), 0, viewOf(b.candidate.bytes), 0))
  const fresh = touched.reduce((sum, { candidate }) => sum + candidate.superseded.length, 0)
  const gone = touched.reduce((sum, { range: [from, to] }) => sum + to - from, 0)
  const merged = Buffer.allocUnsafe(known.length - gone + fresh * supersededSize)
  let source = 0
  let target = 0
  for (const { candidate, range } of touched) {
    target += known.copy(merged, target, source, range[0])
    source = range[1]
    for (const candid of candidate.superseded) {
      writeSuperseded(merged, target, candidate.bytes, 0, candid)
      target += supersededSize
    }
  }
  known.copy(merged, target, source)
  return merged
}

/**
 * The curve with at most `limit` points: detections are kept before upper limits, and of each kind the oldest. This depends only on the
 * points, not on their order of arrival: a point that is kept in the end was never dropped on the way. So merging remains commutative and
 * associative. New points of a full object are dropped, and its earlier points do not change.
 */
export function withinLimit(curve: LightCurve, limit: number): LightCurve {
  let detectionsLeft = Math.min(curve.totals.detections, limit)
  let upperLimitsLeft = limit - detectionsLeft
  return filterPoints(curve, offset =>
    isDetection(curve.points, offset) ? detectionsLeft-- > 0 : upperLimitsLeft-- > 0
  )
}

/** The curve without the points for which `stays` is false. It is called once for each point, in their order. */
export function filterPoints(curve: LightCurve, stays: (offset: number) => boolean): LightCurve {
  const totals = new RunningTotals(curve.totals)
  const points = Buffer.allocUnsafe(curve.points.length)
  const superseded: Buffer[] = []
  let target = 0
  let kept = 0
  for (let index = 0; index < curve.length; index++) {
    const offset = index * pointSize
    if (stays(offset)) {
      target += curve.points.copy(points, target, offset, offset + pointSize)
      continue
    }
    totals.remove(curve.points, offset, curve.supersededAt(index))
    const [from, to] = supersededRange(curve.supersededBytes, curve.points, offset)
    superseded.push(curve.supersededBytes.subarray(kept, from))
    kept = to
  }
  superseded.push(curve.supersededBytes.subarray(kept))
  const rest = points.subarray(0, target)
  return new LightCurve(rest, Buffer.concat(superseded), totals.of(rest))
}
