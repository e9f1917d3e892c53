import type { AlertView, Answer, Classifier } from '../classifier/types.ts'
import { createYield } from '../event-loop.ts'
import { encodeAlertRecord } from '../lightcurves/alert-record-codec.ts'
import type { LightCurve, Prefix } from '../lightcurves/light-curve.ts'
import type { AlertRecord } from '../lightcurves/observation.ts'
import type { CachedState, Store } from '../lightcurves/stores/store.ts'
import type { Reason } from '../messages/classification.ts'

/** An alert with the part of its object's light curve that its answer rests on. */
export interface Reading {
  readonly objectId: string
  readonly record: AlertRecord
  /** Hashes of the versions seen of the alert; empty where there is but this one. */
  readonly versions: readonly bigint[]
  /** The points that pass the gates. */
  readonly curve: LightCurve
  readonly prefix: Prefix
  /** Why there is no answer; null where there is one to give. */
  readonly reason: Reason | null
}

/** Readings of one object and one alert: they have one answer. Two alerts of one time may say different things of their place. */
interface Moment {
  readonly curve: LightCurve
  readonly record: AlertRecord
  readonly readings: number[]
}

/** What a context term sees of an alert; null where its photometry is not admitted. */
export function alertViewOf({ jd, photometry }: AlertRecord): AlertView | null {
  return photometry && { jd, magnitude: photometry.magnitude, context: photometry.context }
}

/**
 * One model's answers, in the order of the readings (null where there is a reason against it), and the states to keep.
 * Objects are answered side by side, the moments of one object one after the other in time, so that each detection costs
 * one network step however many alerts of its object the batch holds.
 */
export async function answerInTimeOrder(
  readings: readonly Reading[],
  classifier: Classifier,
  store: Pick<Store, 'readCache'>
): Promise<{ answers: (Answer | null)[]; states: CachedState[] }> {
  const answers: (Answer | null)[] = readings.map(() => null)
  const timelines = timelinesOf(readings)
  const modelSha256 = classifier.sha256
  const objectIds = [...timelines.keys()]
  const kept = await store.readCache(objectIds.map(objectId => ({ objectId, modelSha256 })))
  const states = new Map(objectIds.map((objectId, index) => [objectId, kept[index] ?? null]))

  let open = [...timelines]
  const yieldIfBusy = createYield()
  for (let round = 0; open.length > 0; round++) {
    const asked = open.map(([objectId, moments]) => ({ objectId, moment: moments[round] as Moment }))
    const replies = await classifier.classify(
      asked.map(({ objectId, moment: { curve, record } }) => ({
        curve,
        jd: record.jd,
        state: states.get(objectId) ?? null,
        alert: alertViewOf(record)
      }))
    )
    for (const [index, { answer, state }] of replies.entries()) {
      const { objectId, moment } = asked[index] as (typeof asked)[number]
      states.set(objectId, state)
      for (const reading of moment.readings) answers[reading] = answer
    }
    open = open.filter(([, moments]) => moments.length > round + 1)
    // A packet may hold a thousand alerts of one object: as many rounds of one question.
    await yieldIfBusy()
  }
  return {
    answers,
    states: objectIds.map(objectId => ({ objectId, modelSha256, state: states.get(objectId) as Uint8Array }))
  }
}

/** The moments to answer of every object, in order of time. */
function timelinesOf(readings: readonly Reading[]): Map<string, Moment[]> {
  const timelines = new Map<string, Moment[]>()
  for (const [index, { objectId, record, curve, reason }] of readings.entries()) {
    if (reason !== null) continue
    const moments = timelines.get(objectId)
    const moment = moments?.find(m => isSameRecord(m.record, record))
    if (moment) moment.readings.push(index)
    else if (moments) moments.push({ curve, record, readings: [index] })
    else timelines.set(objectId, [{ curve, record, readings: [index] }])
  }
  for (const moments of timelines.values()) if (moments.length > 1) moments.sort((a, b) => a.record.jd - b.record.jd)
  return timelines
}

/** Whether two records say the same in every field. */
function isSameRecord(a: AlertRecord, b: AlertRecord): boolean {
  if (a === b) return true
  return a.jd === b.jd && a.candid === b.candid && encodeAlertRecord(a).equals(encodeAlertRecord(b))
}
