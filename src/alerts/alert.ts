import type { AlertRecord, Observation } from '../lightcurves/observation.ts'

/** One photometric point of a packet's history, with the survey programme it belongs to. */
export interface HistoryPoint {
  readonly programId: number | null
  readonly observation: Observation
}

/** Why the decoder left out a history point. */
export type DropReason = 'future' | 'invalid'

/** One ZTF alert, decoded: what Hierax reads of a packet, checked and normalised. */
export interface Alert {
  readonly objectId: string
  /** Version of the packet's schema as it states it, for example `4.02`; empty where it does not. */
  readonly schemaVersion: string
  /** The alert's own fields: what is published of it and kept with the object. */
  readonly record: AlertRecord
  /** The alert's own photometric point, at full precision (origin `packet`). */
  readonly observation: Observation
  /** Valid earlier points of `prv_candidates`, in the packet's order. */
  readonly history: readonly HistoryPoint[]
  /** History points that were dropped: `jd` not before the packet's own (`future`) or impossible values (`invalid`). */
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Forced-photometry points (`fp_hists`) in the packet, which are not used. */
  readonly forcedPhotometry: number
}
