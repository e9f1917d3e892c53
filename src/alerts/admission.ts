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

/** A gate on an alert's own fields that turned it away. */
export type Refusal = 'PROGRAM' | 'BOGUS' | 'SOLAR_SYSTEM'

/** What of an alert may be kept. */
export interface Admitted {
  /** Points of admitted programmes: the alert's own and its history's. */
  readonly observations: Observation[]
  /** The alert's own fields, without photometry where its programme is not admitted. */
  readonly record: AlertRecord
  readonly refusal: Refusal | null
  /** Points left out for their programme. */
  readonly droppedPoints: number
}

/**
 * Applies the programme rule point by point (one packet's history mixes programmes) and the gates to the alert. Points of
 * admitted programmes are stored whatever the gates say, each with its own quality: the same points come with later packets'
 * histories, in any order. What the gates turn away is left out of the view that is classified (`lightcurves/gates.ts`).
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

/** The first gate on its own fields that turns an alert away; null where none does. */
export function refusalOf(
  { photometry, programId }: AlertRecord,
  { admit, programs }: AdmissionSettings
): Refusal | null {
  if (photometry === null || !programs.includes(programId)) return 'PROGRAM'
  if (isBogus(photometry.realBogus, admit)) return 'BOGUS'
  return isInSolarSystem(photometry.solarSystemDistance, admit) ? 'SOLAR_SYSTEM' : null
}
