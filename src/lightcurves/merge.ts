import { EncodedCurve, type FurtherCandid } from './encoded-curve.ts'
import type { Observation } from './observation.ts'
import {
  addHash,
  candidAt,
  compareIdentity,
  compareRank,
  furtherCandids,
  hashPoint,
  isDetection,
  pointSize,
  revisionOf,
  samePoint,
  setFurtherCandids,
  writePoint
} from './point-codec.ts'

/** A point under way into a curve: its bytes and the candids that it beat. */
interface Candidate {
  readonly bytes: Buffer
  readonly further: bigint[]
}

/**
 * Adds observations to a curve. Idempotent, commutative and associative: any order, duplication and split of the same
 * observations ends in the same bytes. Returns the curve itself where nothing changed.
 */
export function mergeObservations(curve: EncodedCurve, observations: readonly Observation[]): EncodedCurve {
  const changed = new Map<number, Candidate>()
  const inserted: { readonly before: number; readonly candidate: Candidate }[] = []
  let from = 0
  for (const candidate of sorted(observations)) {
    const { index, found } = locate(curve, candidate.bytes, from)
    from = index
    if (!found) inserted.push({ before: index, candidate })
    else if (!isKnown(curve, index, candidate)) {
      const offset = index * pointSize
      const present = { bytes: curve.points.subarray(offset, offset + pointSize), further: curve.furtherAt(index) }
      const merged = combine(present, candidate)
      if (!sameCandidate(present, merged)) changed.set(index, merged)
    }
  }
  return changed.size === 0 && inserted.length === 0 ? curve : rebuild(curve, changed, inserted)
}

/** The observations as points in order of identity, one per identity. */
function sorted(observations: readonly Observation[]): Candidate[] {
  const bytes = Buffer.allocUnsafe(observations.length * pointSize)
  const candidates = observations.map((observation, index): Candidate => {
    writePoint(bytes, index * pointSize, observation)
    return { bytes: bytes.subarray(index * pointSize, (index + 1) * pointSize), further: [] }
  })
  candidates.sort((a, b) => compareIdentity(a.bytes, 0, b.bytes, 0))
  const distinct: Candidate[] = []
  for (const candidate of candidates) {
    const last = distinct.at(-1)
    if (last && compareIdentity(last.bytes, 0, candidate.bytes, 0) === 0)
      distinct.push(combine(distinct.pop() as Candidate, candidate))
    else distinct.push(candidate)
  }
  return distinct
}

/** Where a point of this identity stands, or would stand, at or after `from`. */
function locate(curve: EncodedCurve, bytes: Buffer, from: number): { index: number; found: boolean } {
  let low = from
  let high = curve.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareIdentity(curve.points, middle * pointSize, bytes, 0) < 0) low = middle + 1
    else high = middle
  }
  const found = low < curve.length && compareIdentity(curve.points, low * pointSize, bytes, 0) === 0
  return { index: low, found }
}

/** The common case, answered without taking anything apart: this very point is in the view already. */
function isKnown(curve: EncodedCurve, index: number, candidate: Candidate): boolean {
  return candidate.further.length === 0 && samePoint(curve.points, index * pointSize, candidate.bytes, 0)
}

/** The view of two points of one identity: the greater stands, the candids of both are remembered. */
function combine(a: Candidate, b: Candidate): Candidate {
  const winner = compareRank(a.bytes, 0, b.bytes, 0) >= 0 ? a : b
  const own = candidAt(winner.bytes, 0)
  const seen = new Set([...a.further, ...b.further])
  for (const { bytes } of [a, b]) {
    const candid = candidAt(bytes, 0)
    if (candid !== null) seen.add(candid)
  }
  if (own !== null) seen.delete(own)
  const further = [...seen].sort((x, y) => (x < y ? -1 : x > y ? 1 : 0))
  const bytes = Buffer.from(winner.bytes)
  setFurtherCandids(bytes, 0, Math.min(further.length, 0xffff))
  return { bytes, further }
}

function sameCandidate(a: Candidate, b: Candidate): boolean {
  return (
    samePoint(a.bytes, 0, b.bytes, 0) &&
    furtherCandids(a.bytes, 0) === furtherCandids(b.bytes, 0) &&
    a.further.length === b.further.length
  )
}

/** A new curve with some points replaced and some inserted; untouched stretches are copied as they are. */
function rebuild(
  curve: EncodedCurve,
  changed: ReadonlyMap<number, Candidate>,
  inserted: readonly { readonly before: number; readonly candidate: Candidate }[]
): EncodedCurve {
  const points = Buffer.allocUnsafe(curve.points.length + inserted.length * pointSize)
  let { detections, hash, revision } = curve.totals
  const count = (bytes: Buffer, further: readonly bigint[], sign: 1 | -1): void => {
    detections += isDetection(bytes, 0) ? sign : 0
    revision += sign * revisionOf(bytes, 0)
    const hashed = hashPoint(bytes, 0, further)
    hash = addHash(hash, sign === 1 ? hashed : -hashed)
  }
  const original = Buffer.from(curve.points.buffer, curve.points.byteOffset, curve.points.length)
  const replaced = changed.size > 0 ? Buffer.from(original) : original
  for (const [index, { bytes, further }] of changed) {
    count(original.subarray(index * pointSize, (index + 1) * pointSize), curve.furtherAt(index), -1)
    count(bytes, further, 1)
    bytes.copy(replaced, index * pointSize)
  }
  let source = 0
  let target = 0
  for (const { before, candidate } of inserted) {
    target += replaced.copy(points, target, source, before * pointSize)
    source = before * pointSize
    target += candidate.bytes.copy(points, target)
    count(candidate.bytes, candidate.further, 1)
  }
  replaced.copy(points, target, source)
  const candidates = [...changed.values(), ...inserted.map(i => i.candidate)]
  return new EncodedCurve(points, furtherOf(curve, candidates), { detections, hash, revision })
}

/** All further candids of the new curve, sorted. */
function furtherOf(curve: EncodedCurve, candidates: readonly Candidate[]): readonly FurtherCandid[] {
  const fresh = candidates.flatMap(({ bytes, further }) =>
    further.map(candid => ({ jd: bytes.readDoubleLE(0), fid: bytes[24] as number, candid }))
  )
  if (fresh.length === 0 && curve.further.length === 0) return curve.further
  const touched = new Set(candidates.map(({ bytes }) => `${bytes.readDoubleLE(0)}/${bytes[24]}`))
  const kept = curve.further.filter(f => !touched.has(`${f.jd}/${f.fid}`))
  return [...kept, ...fresh].sort(
    (a, b) => a.jd - b.jd || a.fid - b.fid || (a.candid < b.candid ? -1 : a.candid > b.candid ? 1 : 0)
  )
}
