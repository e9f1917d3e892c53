import type { Band, Observation } from './observation.ts'

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

/**
 * An object's light curve: the view of all observations merged so far, one point per (`jd`, `fid`), sorted by `jd`, then
 * `fid`; or of those that pass the gates (`gates.ts`). Immutable; backed by the stored bytes.
 */
export interface LightCurve {
  readonly length: number
  /** The point at an index, decoded. */
  at(index: number): Observation
  /** Julian date of the point at an index, without decoding the rest. */
  jd(index: number): number
  /** Counts, hash and revision of the points with `jd` ≤ the given one. */
  upTo(jd: number): Prefix
  /** Magnitude of the latest detection of each band among the first `length` points; bands in the order g, r, i. */
  latest(length: number): Partial<Record<Band, number>>
  /** Hash of the first `length` points: the key of cached hidden states. */
  hashOf(length: number): bigint
}
