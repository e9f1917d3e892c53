import type { Cutouts } from '../lightcurves/cutouts.ts'
import type { AlertRecord, Observation } from '../lightcurves/points/observation.ts'
import { Points } from '../lightcurves/points/points.ts'

/** One photometric point of a packet's history, with the survey programme it belongs to. */
export interface HistoryPoint {
  readonly programId: number | null
  readonly observation: Observation
}

/** The history of a packet, packed: most of its points are merged without ever being objects. */
export class History implements Iterable<HistoryPoint> {
  readonly points: Points
  /** Survey programme of each point. */
  readonly programs: readonly (number | null)[]

  constructor(points: Points, programs: readonly (number | null)[]) {
    this.points = points
    this.programs = programs
  }

  static of(history: Iterable<HistoryPoint>): History {
    const points = [...history]
    const observations = points.map(({ programId, observation }) =>
      programId === null ? observation : { ...observation, program: programId }
    )
    return new History(
      Points.of(observations),
      points.map(({ programId }) => programId)
    )
  }

  get length(): number {
    return this.programs.length
  }

  *[Symbol.iterator](): Generator<HistoryPoint> {
    let index = 0
    for (const observation of this.points) yield { programId: this.programs[index++] as number | null, observation }
  }
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
  readonly history: History
  /** History points that were dropped: `jd` not before the packet's own (`future`) or impossible values (`invalid`). */
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Number of forced-photometry points (`fp_hists`) in the packet, which are not used. */
  readonly forcedPhotometry: number
  /** The images of the alert, if the decoder reads them: views of the packet. */
  readonly cutouts?: Cutouts
}
