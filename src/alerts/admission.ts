import { type Gates, isBogus, isInSolarSystem } from '../lightcurves/gates.ts'
import type { AlertRecord, Observation } from '../lightcurves/observation.ts'
import type { Alert } from './alert.ts'

/** Settings of the gates (`admit.*` and `input.programs` of the configuration). */
export interface AdmissionSettings {
  /** Survey programmes whose photometry may enter. */
  readonly programs: readonly number[]
  readonly admit: Gates & {
    /** Detections, among the points that pass the gates, that an answer needs. */
    readonly minDetections: number
  }
}

/** Why an alert is not admitted, by its own fields. */
export type RejectionReason = 'PROGRAM' | 'BOGUS' | 'SOLAR_SYSTEM'

/** What may be kept of an alert. */
export interface Admitted {
  /** Points of admitted programmes: the alert's own and its history's. */
  readonly observations: Observation[]
  /** The alert's own fields, without photometry where its programme is not admitted. */
  readonly record: AlertRecord
  readonly refusal: RejectionReason | null
  /** Points left out for their programme. */
  readonly droppedPoints: number
}

/**
 * Applies the programme rule point by point (one packet's history mixes programmes) and the gates to the alert. Points of
 * admitted programmes are stored whatever the gates say, each with its own quality: the same points come with later packets'
 * histories, in any order. The view that is classified leaves out what the gates refuse (`lightcurves/gates.ts`).
 */
export function admit(alert: Alert, settings: AdmissionSettings): Admitted {
  const { programs } = settings
  const observations: Observation[] = []
  let droppedPoints = 0
  for (const { programId, observation } of alert.history) {
    if (programId !== null && programs.includes(programId)) observations.push(observation)
    else droppedPoints++
  }
  const own = programs.includes(alert.record.programId)
  if (own) observations.push(alert.observation)
  else droppedPoints++
  const record = own ? alert.record : { ...alert.record, photometry: null }
  return { observations, record, refusal: refusalOf(record, settings), droppedPoints }
}

/** The first reason not to admit an alert, by its own fields; null where it is admitted. */
export function refusalOf(
  { photometry, programId }: AlertRecord,
  { admit, programs }: AdmissionSettings
): RejectionReason | null {
  if (photometry === null || !programs.includes(programId)) return 'PROGRAM'
  if (isBogus(photometry.realBogus, admit)) return 'BOGUS'
  return isInSolarSystem(photometry.solarSystemDistance, admit) ? 'SOLAR_SYSTEM' : null
}
