import type { Cutouts } from '../lightcurves/cutouts.ts'
import type { AlertRecord, Observation } from '../lightcurves/observation.ts'

/** One photometric point of a packet's history, with the survey programme it belongs to. */
export interface HistoryPoint {
  readonly programId: number | null
  readonly observation: Observation
}

/** Why the decoder left out a history point. */
export type DropReason = 'future' | 'invalid'

/** A decoded alert: the fields of a packet that Hierax uses, validated and normalised. */
export interface Alert {
  readonly objectId: string
  /** Schema version in the packet, for example `4.02`; empty if there is none. */
  readonly schemaVersion: string
  /** The alert's own fields that are stored with the object and published. */
  readonly record: AlertRecord
  /** The alert's own photometric point, at full precision (origin `packet`). */
  readonly observation: Observation
  /** Valid earlier points of `prv_candidates`, in the packet's order. */
  readonly history: readonly HistoryPoint[]
  /** History points that were dropped: `jd` not before the packet's own (`future`) or impossible values (`invalid`). */
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Number of forced-photometry points (`fp_hists`) in the packet, which are not used. */
  readonly forcedPhotometry: number
  /** The images of the alert, if the decoder reads them: views of the packet. */
  readonly cutouts?: Cutouts
}
