import { HieraxError } from '../errors.ts'
import { timeOfJd, utcOfJd } from '../julian-date.ts'
import { type Gates, isBogus, isInSolarSystem } from '../lightcurves/curve/gates.ts'
import type { AlertRecord } from '../lightcurves/points/observation.ts'
import { type Points, PointWriter } from '../lightcurves/points/points.ts'
import type { Alert } from './alert.ts'

/** Settings of admission (`admit.*`, `input.programs` and `input.publicPrograms` of the configuration). */
export interface AdmissionSettings {
  /** Survey programmes whose photometry is admitted. */
  readonly programs: readonly number[]
  /** Those of them that are admitted from topics of their public part only; default: none. */
  readonly publicPrograms?: readonly number[]
  readonly admit: Gates & {
    /** Number of detections that a classification requires, among the points that pass the gates. */
    readonly minDetections: number
  }
}

/** Admission as it is configured. */
export function admissionOf(config: {
  readonly input: { readonly programs: readonly number[]; readonly publicPrograms: readonly number[] }
  readonly admit: AdmissionSettings['admit']
}): AdmissionSettings {
  const { programs } = config.input
  const publicPrograms = config.input.publicPrograms.filter(program => !programs.includes(program))
  return { programs: [...programs, ...publicPrograms], publicPrograms, admit: config.admit }
}

/** Programmes whose photometry is admitted from a topic: a name such as `ztf_20250101_programid3_public` says that its packets are public. */
function programsFrom(topic: string, { programs, publicPrograms = [] }: AdmissionSettings): readonly number[] {
  if (publicPrograms.length === 0) return programs
  const published = Number(/_programid(\d+)_public$/.exec(topic)?.[1] ?? -1)
  return programs.filter(program => program === published || !publicPrograms.includes(program))
}

/** Why an alert is not admitted, decided by its own fields. */
export type RejectionReason = 'PROGRAM' | 'BOGUS' | 'SOLAR_SYSTEM'

/** The parts of an alert that may be stored. */
export interface Admitted {
  /** The alert's own point and those of its history, if their programmes are admitted. */
  readonly observations: Points
  /** The alert's own fields, without photometry where its programme is not admitted. */
  readonly record: AlertRecord
  readonly rejection: RejectionReason | null
  /** Number of points whose programme is not admitted. */
  readonly droppedPoints: number
}

const writer = new PointWriter()

/**
 * Checks the programme of every point, because the history in a packet may mix programmes, and applies the gates to the alert. All points
 * of admitted programmes are stored with their quality, also those that fail the gates, because later packets contain the same
 * points again. Points that fail the gates are left out when a light curve is classified (`lightcurves/curve/gates.ts`).
 */
export function admit(alert: Alert, settings: AdmissionSettings, topic = ''): Admitted {
  // An error may have left points of another packet.
  writer.clear()
  const programs = programsFrom(topic, settings)
  const { history } = alert
  let droppedPoints = 0
  for (const programId of history.programs) if (programId === null || !programs.includes(programId)) droppedPoints++
  if (droppedPoints === 0) writer.addAll(history.points)
  else
    for (const [index, programId] of history.programs.entries())
      if (programId !== null && programs.includes(programId)) writer.addOne(history.points, index)
  const program = alert.record.programId
  const own = programs.includes(program)
  if (own) writer.add(alert.observation, program)
  else droppedPoints++
  const record = own ? alert.record : { ...alert.record, photometry: null }
  return { observations: writer.take(), record, rejection: rejectionOf(record, settings), droppedPoints }
}

/** When a packet arrived. */
interface Arrival {
  /** Epoch ms. */
  readonly ingested: number
  /** Whether that is the Kafka timestamp, and not the clock of this machine. */
  readonly timestamped?: boolean
}

/**
 * Refuses a packet with an alert that was observed more than `days` after the packet arrived: as its object's newest alert it would hide all
 * real ones until its date. Throws FUTURE_DATE.
 */
export function refuseFuture(alerts: readonly Alert[], { ingested, timestamped }: Arrival, days: number): void {
  const latest = ingested + days * 86_400_000
  const record = alerts.findIndex(({ record }) => timeOfJd(record.jd) > latest)
  const alert = alerts[record]
  if (!alert) return
  const { jd } = alert.record
  const limit = `${days} day${days === 1 ? '' : 's'}`
  const clock = timestamped ? 'its Kafka timestamp' : 'by the clock of this machine'
  const arrived = new Date(ingested).toISOString().slice(0, 19)
  throw new HieraxError(
    'FUTURE_DATE',
    `candidate.jd is ${jd} (${utcOfJd(jd)}), more than ${limit} after the packet arrived at ${arrived}Z (${clock})`,
    { record }
  )
}

/** The first reason why an alert is not admitted, decided by its own fields; null if it is admitted. */
export function rejectionOf(
  { photometry, programId }: AlertRecord,
  { admit, programs }: AdmissionSettings
): RejectionReason | null {
  if (photometry === null || !programs.includes(programId)) return 'PROGRAM'
  if (isBogus(photometry.realBogus, admit)) return 'BOGUS'
  return isInSolarSystem(photometry.solarSystemDistance, admit) ? 'SOLAR_SYSTEM' : null
}
