import { type AdmissionSettings, admit, refusalOf } from './alerts/admission.ts'
import type { Alert } from './alerts/alert.ts'
import type { Classifier } from './classifier/types.ts'
import { HieraxError } from './errors.ts'
import type { AlertRecord } from './lightcurves/observation.ts'
import type { Addition, CachedState, ObjectState, Store } from './lightcurves/stores/store.ts'
import { type Classification, ClassificationWriter, type Reason } from './messages/classification.ts'
import { classificationMessages, deadLetterMessage, type OutputSettings } from './messages/outgoing.ts'
import { answerInTimeOrder, type Reading } from './pipeline/answering.ts'
import { type Arrival, answersDue, type Due } from './pipeline/due.ts'
import { BatchReport } from './pipeline/report.ts'
import type { BatchControl, InputMessage, OutputMessage, Sink } from './streams/types.ts'

/** What the pipeline is made of. */
export interface PipelineParts {
  /** Decodes a packet; throws a HieraxError of kind `alert` for what is wrong with it. */
  readonly decode: (bytes: Uint8Array | null) => readonly Alert[]
  readonly store: Store
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

/** An object's part of a batch while it is gathered. */
interface GrowingAddition extends Addition {
  readonly observations: Addition['observations'][number][]
  readonly alerts: Addition['alerts'][number][]
}

/**
 * The way of a batch of alerts, from bytes to acknowledged messages:
 *
 *     decode → admit → merge into light curves → answer → encode → publish
 *
 * When `process` resolves, every message of the batch has exactly one outcome, its points are durable, and what is said of
 * it is acknowledged. When it rejects, the batch may come again: all of it is idempotent, and equal alerts on equal light
 * curves give equal bytes.
 */
export class Pipeline {
  private readonly parts: PipelineParts
  private readonly writers: readonly ClassificationWriter[]

  constructor(parts: PipelineParts) {
    this.parts = parts
    const settings = { admit: parts.admission.admit, programs: parts.admission.programs }
    this.writers = parts.classifiers.map(classifier => new ClassificationWriter(classifier, settings))
  }

  /**
   * Takes a batch all its way. Rejects where the world outside does (STORE_FAILED, PUBLISH_FAILED); where we fail
   * ourselves, the messages are taken one by one, and the one that can't be processed becomes a dead letter.
   */
  async process(batch: readonly InputMessage[], control?: BatchControl): Promise<void> {
    try {
      await this.attempt(batch, control)
    } catch (thrown) {
      const error = HieraxError.from(thrown)
      if (error.code !== 'INTERNAL' || control?.signal.aborted) throw thrown
      if (batch.length === 1) return this.refuse(batch[0] as InputMessage, error, control)
      for (const message of batch) await this.process([message], control)
    }
  }

  private async attempt(batch: readonly InputMessage[], control?: BatchControl): Promise<void> {
    const report = new BatchReport()
    const { arrivals, deadLetters } = await report.time('decode', () => this.decode(batch, report))
    const states = await report.time('store', () => this.merge(arrivals))
    control?.signal.throwIfAborted()

    const due = answersDue(arrivals, states)
    const { bodies, cached } = await report.time('classify', () => this.answer(due))
    const messages = await report.time('encode', () => [...deadLetters, ...this.encode(due, bodies)])

    control?.signal.throwIfAborted()
    const keeping = this.parts.store.writeCache(cached).catch(() => {}) // only a cache: losing it costs time, not answers
    await report.time('publish', () => this.parts.sink.send(messages, control?.signal))
    await keeping
    report.finish(due, bodies, messages)
    this.parts.onBatch?.(report)
    this.parts.onClassifications?.(bodies.flat())
  }

  /** What stands of an object: each model's answer for its newest alert, as `process` would say it. */
  async standing(state: ObjectState): Promise<Classification[]> {
    if (!state.newest) return []
    const origin = { topic: '', source: '', ingested: 0 }
    const { newest: record, newestVersions: versions } = state
    const { bodies } = await this.answer([{ record, versions, state, origin, kind: 'repeated' }])
    return bodies.flat()
  }

  /** A message that fails us after decoding. */
  private async refuse(message: InputMessage, cause: HieraxError, control?: BatchControl): Promise<void> {
    const report = new BatchReport()
    const error = new HieraxError('PROCESSING_FAILED', cause.message, { cause })
    const letters = [deadLetterMessage(message, error, this.parts.output)]
    report.refused(error, message)
    await report.time('publish', () => this.parts.sink.send(letters, control?.signal))
    report.finish([], [], letters)
    this.parts.onBatch?.(report)
  }

  /** Bytes to alerts. What can't be read becomes a dead letter, and the batch goes on. */
  private async decode(
    batch: readonly InputMessage[],
    report: BatchReport
  ): Promise<{ arrivals: Arrival[]; deadLetters: OutputMessage[] }> {
    const arrivals: Arrival[] = []
    const deadLetters: OutputMessage[] = []
    for (const message of batch) {
      try {
        for (const alert of this.parts.decode(message.value)) {
          const admitted = admit(alert, this.parts.admission)
          arrivals.push({ ...admitted, objectId: alert.objectId, origin: message })
          report.read(alert, admitted)
        }
      } catch (thrown) {
        const error = HieraxError.from(thrown, 'DECODE_FAILED')
        deadLetters.push(deadLetterMessage(message, error, this.parts.output))
        report.refused(error, message)
      }
      await report.breathe()
    }
    return { arrivals, deadLetters }
  }

  /** All that the batch knows of each object goes into its light curve: points first, questions later. */
  private async merge(arrivals: readonly Arrival[]): Promise<Map<string, ObjectState>> {
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
    return new Map(states.map(state => [state.objectId, state]))
  }

  /** The classifications of every answer due, one list a model. */
  private async answer(due: readonly Due[]): Promise<{ bodies: Classification[][]; cached: CachedState[] }> {
    const readings = due.map(({ record, versions, state }): Reading => {
      const prefix = state.curve.upTo(record.jd)
      return {
        objectId: state.objectId,
        record,
        versions,
        curve: state.curve,
        prefix,
        reason: this.reasonFor(record, prefix.detections)
      }
    })
    const bodies: Classification[][] = []
    const cached: CachedState[] = []
    for (const [index, classifier] of this.parts.classifiers.entries()) {
      const { answers, states } = await answerInTimeOrder(readings, classifier, this.parts.store)
      cached.push(...states)
      const writer = this.writers[index] as ClassificationWriter
      bodies.push(readings.map((reading, i) => writer.write({ ...reading, answer: answers[i] ?? null })))
    }
    return { bodies, cached }
  }

  /** Why an alert gets no probabilities; null where it does. */
  private reasonFor(record: AlertRecord, detections: number): Reason | null {
    const refusal = refusalOf(record, this.parts.admission)
    if (refusal !== null) return refusal
    return detections < Math.max(1, this.parts.admission.admit.minDetections) ? 'TOO_FEW_DETECTIONS' : null
  }

  private encode(due: readonly Due[], bodies: readonly Classification[][]): OutputMessage[] {
    return bodies.flatMap(list =>
      list.flatMap((body, index) => classificationMessages(body, (due[index] as Due).origin, this.parts.output))
    )
  }
}
