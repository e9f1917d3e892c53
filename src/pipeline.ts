import { type AdmissionSettings, admit, refusalOf } from './alerts/admission.ts'
import type { Alert } from './alerts/alert.ts'
import type { Classifier } from './classifier/types.ts'
import { HieraxError } from './errors.ts'
import { createYield } from './event-loop.ts'
import { admittedCurve } from './lightcurves/gates.ts'
import type { LightCurve } from './lightcurves/light-curve.ts'
import type { AlertRecord } from './lightcurves/observation.ts'
import type { Addition, CachedState, ObjectState, Store } from './lightcurves/stores/store.ts'
import { type Classification, ClassificationWriter, type Reason } from './messages/classification.ts'
import { classificationMessages, deadLetterMessage, type OutputSettings } from './messages/outgoing.ts'
import { answerInTimeOrder, type Reading } from './pipeline/answering.ts'
import { type Arrival, answersDue, type Due } from './pipeline/due.ts'
import { type Passage, Quarantine } from './pipeline/quarantine.ts'
import { BatchReport } from './pipeline/report.ts'
import type { BatchControl, InputMessage, OutputMessage, Sink } from './streams/types.ts'

/** What the pipeline is made of. */
export interface PipelineParts {
  /** Decodes a packet; throws a HieraxError of kind `alert` for what is wrong with it. */
  readonly decode: (bytes: Uint8Array | null) => readonly Alert[]
  readonly store: Store
  /** Consumer group that takes the messages: each has notes of its own in the store's journal. */
  readonly group?: string
  /** One or several models; each gives its own messages. */
  readonly classifiers: readonly Classifier[]
  readonly sink: Sink
  readonly admission: AdmissionSettings
  readonly output: OutputSettings
  /** Told of every batch that reached its end, after its messages were acknowledged. */
  readonly onBatch?: (report: BatchReport) => void
  /** Told of a batch's classifications, after they were acknowledged. */
  readonly onClassifications?: (bodies: readonly Classification[]) => void
}

/** What is taken on at a time: a batch of real alerts is one portion, but one small packet may hold a thousand alerts. */
const portionOf = { alerts: 1000, points: 20_000 }

/** What of a batch was decoded. */
interface Decoded {
  /** Number of messages. */
  readonly taken: number
  readonly arrivals: Arrival[]
  readonly deadLetters: OutputMessage[]
}

/** An object's part of a batch while it is gathered. */
interface GrowingAddition extends Addition {
  readonly observations: Addition['observations'][number][]
  readonly alerts: Addition['alerts'][number][]
}

/**
 * The way of a batch of alerts, from bytes to acknowledged messages:
 *
 *     note in the journal → decode → admit → merge into light curves → leave out what is refused → answer → encode → publish
 *
 * When `process` resolves, every message of the batch has exactly one outcome, its points are durable, and what is said of
 * it is acknowledged. When it rejects, the batch may come again: all of it is idempotent, and equal alerts on equal light
 * curves give equal bytes.
 */
export class Pipeline {
  private readonly parts: PipelineParts
  private readonly writers: readonly ClassificationWriter[]
  private readonly quarantine: Quarantine
  private readonly yieldIfBusy = createYield()

  constructor(parts: PipelineParts) {
    this.parts = parts
    const settings = { admit: parts.admission.admit, programs: parts.admission.programs }
    this.quarantine = new Quarantine(parts.store.journal, parts.group)
    this.writers = parts.classifiers.map(classifier => new ClassificationWriter(classifier, settings))
  }

  /**
   * Takes a batch all its way. Rejects where the world outside does (STORE_FAILED, PUBLISH_FAILED); where we fail
   * ourselves, the messages are taken one by one, and the one that can't be processed becomes a dead letter.
   */
  async process(batch: readonly InputMessage[], control?: BatchControl): Promise<void> {
    for (let left = batch; left.length > 0; ) {
      // Small packets may hold much: a batch is taken in portions of bounded work and memory.
      const taken = await this.portion(left, control)
      left = left.slice(taken)
    }
  }

  /** Takes the first messages of a batch all their way; resolves with their number. */
  private async portion(batch: readonly InputMessage[], control?: BatchControl): Promise<number> {
    const passage = await this.quarantine.enter(batch, control)
    try {
      if (passage.refused) return await this.refusePoison(passage, control)
      return await this.attempt(passage, control)
    } catch (thrown) {
      await passage.leave(false)
      const error = HieraxError.from(thrown)
      if (error.code !== 'INTERNAL' || control?.signal.aborted) throw thrown
      const { messages } = passage
      if (messages.length === 1) await this.refuse(messages[0] as InputMessage, 'PROCESSING_FAILED', error, control)
      else for (const message of messages) await this.process([message], control)
      return messages.length
    }
  }

  private async attempt(passage: Passage, control?: BatchControl): Promise<number> {
    const report = new BatchReport()
    const { taken, arrivals, deadLetters } = await report.time('decode', () => this.decode(passage.messages, report))
    const states = await report.time('store', () => this.merge(arrivals, report))
    control?.signal.throwIfAborted()

    const due = answersDue(arrivals, states)
    const { bodies, cached } = await report.time('classify', () => this.answer(due))
    const messages = await report.time('encode', () => this.encode(due, bodies))
    // From here on nothing rests on what is in the packets: whatever ends the process now, it is not they.
    await passage.leave(true, taken)

    control?.signal.throwIfAborted()
    messages.unshift(...deadLetters)
    const keeping = this.parts.store.writeCache(cached).catch(() => {}) // only a cache: losing it costs time, not answers
    await report.time('publish', () => this.parts.sink.send(messages, control?.signal))
    await keeping
    report.finish(due, bodies, messages)
    this.parts.onBatch?.(report)
    this.parts.onClassifications?.(bodies.flat())
    return taken
  }

  /** What stands of an object: each model's answer for its newest alert, as `process` would say it. */
  async standing(state: ObjectState): Promise<Classification[]> {
    if (!state.newest) return []
    const origin = { topic: '', source: '', ingested: 0 }
    const { newest: record, newestVersions: versions } = state
    const { bodies } = await this.answer([{ record, versions, state, origin, kind: 'repeated' }])
    return bodies.flat()
  }

  /** A packet that ended the process whenever it was in work alone. */
  private async refusePoison(passage: Passage, control?: BatchControl): Promise<number> {
    const cause = new HieraxError(
      'POISON',
      `the process ended ${passage.deaths} times while nothing but this packet was in work`
    )
    await this.refuse(passage.messages[0] as InputMessage, 'POISON', cause, control)
    await passage.leave(true)
    return 1
  }

  /** A message that fails us: a dead letter, though nothing is known to be wrong with it. */
  private async refuse(
    message: InputMessage,
    code: 'PROCESSING_FAILED' | 'POISON',
    cause: HieraxError,
    control?: BatchControl
  ): Promise<void> {
    const report = new BatchReport()
    const error = new HieraxError(code, cause.message, { cause })
    const letters = [deadLetterMessage(message, error, this.parts.output)]
    report.refused(error, message)
    await report.time('publish', () => this.parts.sink.send(letters, control?.signal))
    report.finish([], [], letters)
    this.parts.onBatch?.(report)
  }

  /**
   * Bytes to alerts, of as many messages as make a portion. What can't be read becomes a dead letter, and the batch goes
   * on.
   */
  private async decode(batch: readonly InputMessage[], report: BatchReport): Promise<Decoded> {
    const arrivals: Arrival[] = []
    const deadLetters: OutputMessage[] = []
    let taken = 0
    let points = 0
    for (; taken < batch.length && arrivals.length < portionOf.alerts && points < portionOf.points; taken++) {
      const message = batch[taken] as InputMessage
      try {
        for (const alert of this.parts.decode(message.value)) {
          const admitted = admit(alert, this.parts.admission)
          arrivals.push({ ...admitted, objectId: alert.objectId, origin: message })
          points += admitted.observations.length
          report.read(alert, admitted)
        }
      } catch (thrown) {
        const error = HieraxError.from(thrown, 'DECODE_FAILED')
        deadLetters.push(deadLetterMessage(message, error, this.parts.output))
        report.refused(error, message)
      }
      await this.yieldIfBusy()
    }
    return { taken, arrivals, deadLetters }
  }

  /** All that the batch knows of each object goes into its light curve: points first, questions later. */
  private async merge(arrivals: readonly Arrival[], report: BatchReport): Promise<Map<string, ObjectState>> {
    const additions = new Map<string, GrowingAddition>()
    for (const { objectId, observations, record, refusal } of arrivals) {
      let addition = additions.get(objectId)
      if (!addition) {
        addition = { objectId, observations: [], alerts: [] }
        additions.set(objectId, addition)
      }
      for (const observation of observations) addition.observations.push(observation)
      addition.alerts.push({ record, admitted: refusal === null })
    }
    if (additions.size === 0) return new Map()
    const states = await this.parts.store.merge([...additions.values()])
    for (const state of states) report.merged(additions.get(state.objectId) as Addition, state.curve)
    return new Map(states.map(state => [state.objectId, state]))
  }

  /** The classifications of every answer due, one list a model. */
  private async answer(due: readonly Due[]): Promise<{ bodies: Classification[][]; cached: CachedState[] }> {
    const readings: Reading[] = []
    const views = new Map<ObjectState, LightCurve>()
    for (const { record, versions, state } of due) {
      const { objectId } = state
      const curve = views.get(state) ?? this.admitted(state)
      views.set(state, curve)
      const prefix = curve.upTo(record.jd)
      readings.push({ objectId, record, versions, curve, prefix, reason: this.reasonFor(record, prefix.detections) })
      await this.yieldIfBusy()
    }
    const bodies: Classification[][] = []
    const cached: CachedState[] = []
    for (const [index, classifier] of this.parts.classifiers.entries()) {
      const { answers, states } = await answerInTimeOrder(readings, classifier, this.parts.store)
      cached.push(...states)
      const writer = this.writers[index] as ClassificationWriter
      const written: Classification[] = []
      for (const [i, reading] of readings.entries()) {
        written.push(writer.write({ ...reading, answer: answers[i] ?? null }))
        await this.yieldIfBusy()
      }
      bodies.push(written)
    }
    return { bodies, cached }
  }

  /** The points of an object that pass the gates: all that its answers rest on. */
  private admitted({ curve }: ObjectState): LightCurve {
    return admittedCurve(curve, this.parts.admission.admit)
  }

  /** Why an alert gets no probabilities; null where it does. */
  private reasonFor(record: AlertRecord, detections: number): Reason | null {
    const refusal = refusalOf(record, this.parts.admission)
    if (refusal !== null) return refusal
    return detections < Math.max(1, this.parts.admission.admit.minDetections) ? 'TOO_FEW_DETECTIONS' : null
  }

  private async encode(due: readonly Due[], bodies: readonly Classification[][]): Promise<OutputMessage[]> {
    const messages: OutputMessage[] = []
    for (const list of bodies) {
      for (const [index, body] of list.entries()) {
        messages.push(...classificationMessages(body, (due[index] as Due).origin, this.parts.output))
        await this.yieldIfBusy()
      }
    }
    return messages
  }
}
