import type { AlertView, Answer, Classifier } from '../classifier/types.ts'
import type { LightCurve } from '../lightcurves/light-curve.ts'
import type { AlertRecord, Observation } from '../lightcurves/observation.ts'

/** A model's answer for an object at the time of one of its detections. */
export interface HistoryMoment {
  /** The detection (the last one where several have one `jd`). */
  readonly detection: Observation
  /** Detections up to and at its time. */
  readonly detections: number
  readonly answer: Answer
}

/** Bounds of a history. */
export interface HistoryOptions {
  /** Number of detections that an answer requires, by the admission settings. */
  readonly minDetections: number
  /** Greatest number of moments, at least 2, evenly chosen; the first and the last are always included. */
  readonly limit: number
  /** The object's newest admitted alert, whose context is used for all moments; null if there is none. */
  readonly alert: AlertRecord | null
}

/**
 * A model's answers at the times of an object's detections, computed on its current light curve (the points that pass the admission
 * settings): each uses the points up to its time, so that the last is the current answer. Costs one network step per detection.
 * Earlier packets are not stored: the context of the newest admitted alert is used for all moments.
 */
export async function historyOf(
  curve: LightCurve,
  classifier: Classifier,
  { minDetections, limit, alert }: HistoryOptions
): Promise<HistoryMoment[]> {
  const moments: HistoryMoment[] = []
  let state: Uint8Array | null = null
  for (const { detection, detections } of evenly(timesOf(curve, minDetections), Math.max(2, limit))) {
    const [reply] = await classifier.classify([{ curve, jd: detection.jd, state, alert: viewAt(detection, alert) }])
    if (!reply) break
    state = reply.state
    moments.push({ detection, detections, answer: reply.answer })
  }
  return moments
}

/** What a context term sees at a detection. At the alert's own time it is what the alert is classified with. */
function viewAt({ jd, magnitude }: Observation, alert: AlertRecord | null): AlertView | null {
  if (!alert?.photometry) return null
  return { jd, magnitude: jd === alert.jd ? alert.photometry.magnitude : magnitude, context: alert.photometry.context }
}

/** One detection for each time at which there is one, from the `minDetections`th on. */
function timesOf(curve: LightCurve, minDetections: number): Omit<HistoryMoment, 'answer'>[] {
  const times: Omit<HistoryMoment, 'answer'>[] = []
  let detections = 0
  for (let index = 0; index < curve.length; index++) {
    const detection = curve.at(index)
    if (!detection.detection) continue
    detections++
    if (times.at(-1)?.detection.jd === detection.jd) times.pop()
    times.push({ detection, detections })
  }
  return times.filter(time => time.detections >= minDetections)
}

/** At most `limit` (at least 2) of the elements, evenly spread, with both ends. */
function evenly<T>(elements: readonly T[], limit: number): T[] {
  if (elements.length <= limit) return [...elements]
  const step = (elements.length - 1) / (limit - 1)
  return Array.from({ length: limit }, (_, index) => elements[Math.round(index * step)] as T)
}
