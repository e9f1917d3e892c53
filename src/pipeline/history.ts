import type { AlertView, Answer, Classifier } from '../classifier/types.ts'
import type { LightCurve } from '../lightcurves/curve/light-curve.ts'
import type { AlertRecord, Observation } from '../lightcurves/points/observation.ts'

/** The classification of an object at the time of one of its detections. */
export interface HistoryMoment {
  /** The detection; the last one if several have the same `jd`. */
  readonly detection: Observation
  /** Number of detections up to and including that time. */
  readonly detections: number
  readonly answer: Answer
}

/** Options of a history. */
export interface HistoryOptions {
  /** Number of detections that a classification requires (`admit.minDetections`). */
  readonly minDetections: number
  /** Maximum number of moments, at least 2. They are spread evenly and include the first and the last. */
  readonly limit: number
  /** The newest admitted alert of the object, whose context is used for all moments; null if there is none. */
  readonly alert: AlertRecord | null
}

/**
 * Classifies an object at the times of its detections. `curve` is its current light curve after the gates; each moment uses the points
 * up to its time, so the last one gives the current classification. The whole history takes one network step per detection. The context of
 * the newest admitted alert is used for all moments, because earlier packets are not stored.
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

/** The input of the context term at a detection. At the alert's own time, it equals the input with which the alert is classified. */
function viewAt({ jd, magnitude }: Observation, alert: AlertRecord | null): AlertView | null {
  if (!alert?.photometry) return null
  return { jd, magnitude: jd === alert.jd ? alert.photometry.magnitude : magnitude, context: alert.photometry.context }
}

/** The times with detections, from the `minDetections`th detection on; one entry for several detections at the same time. */
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

/** At most `limit` (at least 2) of the elements, evenly spread, including the first and the last. */
function evenly<T>(elements: readonly T[], limit: number): T[] {
  if (elements.length <= limit) return [...elements]
  const step = (elements.length - 1) / (limit - 1)
  return Array.from({ length: limit }, (_, index) => elements[Math.round(index * step)] as T)
}
