import { type AdmissionSettings, rejectionOf } from '../alerts/admission.ts'
import type { AlertView, Answer, Classifier, Reply } from '../classifier/types.ts'
import { createYield } from '../event-loop.ts'
import { admittedCurve } from '../lightcurves/curve/gates.ts'
import type { LightCurve } from '../lightcurves/curve/light-curve.ts'
import { canonicalAlert } from '../lightcurves/points/fingerprint.ts'
import type { AlertRecord } from '../lightcurves/points/observation.ts'
import type { CachedState, ObjectState, Store } from '../lightcurves/store.ts'
import type { Classification, Reason } from '../messages/classification.ts'
import { versionOf } from '../messages/current.ts'
import { type ClassificationInput, ClassificationWriter } from '../messages/writer.ts'

/** An alert to classify, and the state of its object. */
export interface AlertOfObject {
  readonly record: AlertRecord
  /** Hashes of all received versions of the alert; empty if there is only one. */
  readonly versions: readonly bigint[]
  readonly state: ObjectState
}

/** Dependencies and settings of an {@link ObjectClassifier}. */
export interface ObjectClassifierOptions {
  /** The cache of the networks' hidden states. */
  readonly store: Pick<Store, 'readCache'>
  readonly classifiers: readonly Classifier[]
  readonly admission: AdmissionSettings
}

/** Result of {@link ObjectClassifier.classify}. */
export interface ClassifiedAlerts {
  /** One array for each model, in the order of the alerts. */
  readonly classifications: readonly (readonly Classification[])[]
  /** Hidden states of the networks, for the cache. */
  readonly hiddenStates: readonly CachedState[]
}

/**
 * Classifies alerts with every model, given the states of their objects. A classification is based on the points up to the
 * alert's time that pass the admission settings. It does not depend on the other alerts of the call.
 */
export class ObjectClassifier {
  readonly #store: Pick<Store, 'readCache'>
  readonly #admission: AdmissionSettings
  readonly #models: readonly { readonly classifier: Classifier; readonly writer: ClassificationWriter }[]
  readonly #yieldIfBusy = createYield()

  constructor({ store, classifiers, admission }: ObjectClassifierOptions) {
    this.#store = store
    this.#admission = admission
    const { admit, programs } = admission
    this.#models = classifiers.map(classifier => ({
      classifier,
      writer: new ClassificationWriter(classifier, { admit, programs })
    }))
  }

  /** Classifies alerts with every model. Rejects with STORE_FAILED. */
  async classify(alerts: readonly AlertOfObject[]): Promise<ClassifiedAlerts> {
    const inputs = await this.#inputsOf(alerts)
    const classifications: Classification[][] = []
    const hiddenStates: CachedState[] = []
    for (const { classifier, writer } of this.#models) {
      const { answers, states } = await answerInTimeOrder(inputs, classifier, this.#store)
      hiddenStates.push(...states)
      const written: Classification[] = []
      for (let index = 0; index < inputs.length; index++) {
        written.push(writer.write(inputs[index] as ClassificationInput, answers[index] ?? null))
        const pause = this.#yieldIfBusy()
        if (pause !== null) await pause
      }
      classifications.push(written)
    }
    return { classifications, hiddenStates }
  }

  /** The current classifications of an object: its newest alert, by each model. Empty if the object has points but no alert. */
  async currentClassifications(state: ObjectState): Promise<Classification[]> {
    if (!state.newest) return []
    const newest = { record: state.newest, versions: state.newestVersions, state }
    return (await this.classify([newest])).classifications.flat()
  }

  /** The version (`versionOf`) of the current classification of an object, which is the same for every model; null if it has no alert. */
  async currentVersion(state: ObjectState): Promise<string | null> {
    if (!state.newest || !this.#models[0]) return null
    const [input] = await this.#inputsOf([{ record: state.newest, versions: state.newestVersions, state }])
    return versionOf(this.#models[0].writer.write(input as ClassificationInput, null))
  }

  async #inputsOf(alerts: readonly AlertOfObject[]): Promise<ClassificationInput[]> {
    const inputs: ClassificationInput[] = []
    const curves = new Map<ObjectState, LightCurve>()
    for (const { record, versions, state } of alerts) {
      const curve = curves.get(state) ?? admittedCurve(state.curve, this.#admission.admit)
      curves.set(state, curve)
      const prefix = curve.upTo(record.jd)
      const reason = this.#reasonFor(record, prefix.detections)
      inputs.push({ objectId: state.objectId, record, versions, curve, prefix, reason })
      const pause = this.#yieldIfBusy()
      if (pause !== null) await pause
    }
    return inputs
  }

  /** Why an alert is not classified; null if it is. */
  #reasonFor(record: AlertRecord, detections: number): Reason | null {
    const rejection = rejectionOf(record, this.#admission)
    if (rejection !== null) return rejection
    return detections < Math.max(1, this.#admission.admit.minDetections) ? 'TOO_FEW_DETECTIONS' : null
  }
}

/** Inputs with the same alert record, which are classified once. Alerts of the same time may differ in their context. */
interface Moment {
  readonly curve: LightCurve
  readonly record: AlertRecord
  readonly inputs: number[]
}

/** An object with its moments, sorted by time. */
interface Timeline {
  readonly objectId: string
  readonly moments: Moment[]
  /** Hidden state after the latest moment that was classified. */
  state: Uint8Array | null
}

/**
 * One model's results in the order of the inputs (null for an input with a reason), and the hidden states for the cache. Each round
 * classifies the next moment of every object. The moments of an object follow each other in time, so each detection costs one network
 * step, however many alerts the object has in the batch.
 */
async function answerInTimeOrder(
  inputs: readonly ClassificationInput[],
  classifier: Classifier,
  store: Pick<Store, 'readCache'>
): Promise<{ answers: (Answer | null)[]; states: CachedState[] }> {
  const answers = new Array<Answer | null>(inputs.length).fill(null)
  const modelSha256 = classifier.sha256
  const timelines = timelinesOf(inputs)
  const cached = await store.readCache(timelines.map(({ objectId }) => ({ objectId, modelSha256 })))
  for (let at = 0; at < timelines.length; at++) (timelines[at] as Timeline).state = cached[at] ?? null
  const yieldIfBusy = createYield()

  let open: readonly Timeline[] = timelines
  for (let round = 0; open.length > 0; round++) {
    const replies = await classifier.classify(
      open.map(({ moments, state }) => {
        const { curve, record } = moments[round] as Moment
        return { curve, jd: record.jd, state, alert: alertViewOf(record) }
      })
    )
    for (let at = 0; at < open.length; at++) {
      const { answer, state } = replies[at] as Reply
      const timeline = open[at] as Timeline
      timeline.state = state
      for (const input of (timeline.moments[round] as Moment).inputs) answers[input] = answer
    }
    open = open.filter(({ moments }) => moments.length > round + 1)
    // A packet may hold a thousand alerts of one object, and each takes a round.
    await yieldIfBusy()
  }
  return {
    answers,
    states: timelines.map(({ objectId, state }) => ({ objectId, modelSha256, state: state as Uint8Array }))
  }
}

/** The input of the context term for an alert; null if its photometry is not admitted. */
function alertViewOf({ jd, photometry }: AlertRecord): AlertView | null {
  return photometry && { jd, magnitude: photometry.magnitude, context: photometry.context }
}

/** The timelines of all objects, in the order of their first alerts. */
function timelinesOf(inputs: readonly ClassificationInput[]): Timeline[] {
  const timelines = new Map<string, Timeline>()
  for (let index = 0; index < inputs.length; index++) {
    const { objectId, record, curve, reason } = inputs[index] as ClassificationInput
    if (reason !== null) continue
    const timeline = timelines.get(objectId)
    const moment = timeline?.moments.find(m => isSameRecord(m.record, record))
    if (moment) moment.inputs.push(index)
    else if (timeline) timeline.moments.push({ curve, record, inputs: [index] })
    else timelines.set(objectId, { objectId, moments: [{ curve, record, inputs: [index] }], state: null })
  }
  const found = [...timelines.values()]
  for (const { moments } of found) if (moments.length > 1) moments.sort((a, b) => a.record.jd - b.record.jd)
  return found
}

/** Whether two records agree in every field. */
function isSameRecord(a: AlertRecord, b: AlertRecord): boolean {
  if (a === b) return true
  return a.jd === b.jd && a.candid === b.candid && canonicalAlert(a).equals(canonicalAlert(b))
}
