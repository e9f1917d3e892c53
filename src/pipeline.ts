import { type AdmissionSettings, admit, refuseFuture } from './alerts/admission.ts'
import type { Alert } from './alerts/alert.ts'
import type { Classifier } from './classifier/types.ts'
import { HieraxError } from './errors.ts'
import { createYield } from './event-loop.ts'
import type { AlertCutouts } from './lightcurves/cutouts.ts'
import type { Journal } from './lightcurves/journal.ts'
import { type Points, PointWriter } from './lightcurves/points/points.ts'
import { type Addition, beginMerge, type ObjectState, type Store } from './lightcurves/store.ts'
import type { Classification } from './messages/classification.ts'
import { classificationMessages, deadLetterMessage, type OutputSettings } from './messages/outgoing.ts'
import * as stats from './pipeline/batch-stats.ts'
import { currentMessages } from './pipeline/current-answers.ts'
import { newestCutouts } from './pipeline/newest-cutouts.ts'
import { type ClassifiedAlerts, ObjectClassifier } from './pipeline/object-classifier.ts'
import { type Arrival, type PendingAnswer, pendingAnswers } from './pipeline/pending-answers.ts'
import { PoisonGuard } from './pipeline/poison-guard.ts'
import { RetractingTopics } from './pipeline/retractions.ts'
import type { Shadows } from './pipeline/shadows.ts'
import type { BatchControl, InputMessage, OutputMessage, Sink } from './streams/types.ts'

/** Dependencies and settings of a pipeline. */
export interface PipelineOptions {
  /** Decodes a packet, given its message key. Throws a HieraxError of kind `alert` if the packet is invalid. */
  readonly decode: (bytes: Uint8Array | null, key?: Uint8Array | null) => readonly Alert[]
  readonly store: Store
  /** Notes that survive a crash. Without it, packets that crash the process are not detected. */
  readonly journal?: Journal
  /** Consumer group of the input. The journal has separate notes for each group. */
  readonly group?: string
  /** One or several models. For every alert, each one produces a message. */
  readonly classifiers: readonly Classifier[]
  readonly sink: Sink
  readonly admission: AdmissionSettings
  /** How many days after its arrival an alert may claim to be observed; null or absent: no limit. */
  readonly maxFutureDays?: number | null
  readonly output: OutputSettings
  /** Stores the images of alerts. Reads them before it returns its promise, which must not reject: no output depends on them. */
  readonly keepCutouts?: (alerts: readonly AlertCutouts[]) => Promise<void>
  /** Called when all output messages of a batch are acknowledged. */
  readonly onBatch?: (stats: stats.BatchStats) => void
  /** Called with the classifications of a batch, and their bytes as published, when they are acknowledged. */
  readonly onClassifications?: (classifications: readonly Classification[], values: readonly Uint8Array[]) => void
  /** Compares what the first model published with other models. */
  readonly shadows?: Pick<Shadows, 'compare'> | null
}

/**
 * Maximum numbers of alerts and points that are processed at a time. When one is reached, the rest of the batch is processed afterwards.
 * Batches of real alerts stay within these limits, but a single small packet may hold a thousand alerts.
 */
const maxAlerts = 1000
const maxPoints = 20_000

/** The first messages of a batch after decoding. */
interface Decoded {
  /** Number of messages that were decoded or became dead letters. */
  readonly taken: number
  readonly arrivals: readonly Arrival[]
  readonly deadLetters: readonly OutputMessage[]
}

/**
 * Processes a batch of alerts, from bytes to acknowledged messages:
 *
 *  1. Decode packets into alerts. A packet that cannot be decoded becomes a dead letter.
 *  2. Admit: drop photometry of programmes that are not admitted, and note why an alert gets no probabilities.
 *  3. Merge the points into the light curves of their objects, and begin to write these to disk.
 *  4. Classify each alert at its own time. If the last alert of an object is not its newest admitted one, classify that one again after it.
 *  5. Encode the classifications.
 *  6. When the light curves are durable, publish the messages, and wait until all are acknowledged.
 *
 * When `process` resolves, every alert of the batch has exactly one outcome: classified, not classified with a reason, or dead
 * letter. When it rejects, the source delivers the batch again. Repeating a batch is safe: all steps are idempotent, and the same alert
 * and light curve give the same bytes.
 */
export class Pipeline {
  readonly #options: PipelineOptions
  readonly #classifier: ObjectClassifier
  readonly #retracting: RetractingTopics
  readonly #guard: PoisonGuard
  readonly #yieldIfBusy = createYield()

  constructor(options: PipelineOptions) {
    this.#options = options
    this.#classifier = new ObjectClassifier(options)
    this.#retracting = new RetractingTopics(
      options.output,
      options.classifiers.map(({ sha256 }) => sha256)
    )
    const handler = { handle: this.#handle.bind(this), refuse: this.#refuse.bind(this) }
    this.#guard = new PoisonGuard(handler, options.journal, options.group)
  }

  /**
   * Processes a batch. Rejects with STORE_FAILED, PUBLISH_FAILED, or the reason of an aborted signal. A message that cannot be
   * processed, or that crashes the process repeatedly, becomes a dead letter.
   */
  async process(batch: readonly InputMessage[], control?: BatchControl): Promise<void> {
    await this.#guard.process(batch, control)
  }

  /** Processes the first messages of a batch, as many as the limits allow. Resolves with their number. */
  async #handle(
    batch: readonly InputMessage[],
    contentsDone: () => Promise<void>,
    control?: BatchControl
  ): Promise<number> {
    const { sink, store, keepCutouts, onBatch, onClassifications, shadows } = this.#options
    const batchStats = stats.emptyStats()
    const timed = <T>(stage: stats.Stage, work: () => Promise<T>) => stats.timed(batchStats, stage, work)

    const { taken, arrivals, deadLetters } = await timed('decode', () => this.#decode(batch, batchStats))
    const { states, durable } = await timed('store', () => this.#merge(arrivals, batchStats))
    control?.signal.throwIfAborted()

    const keeping = keepCutouts?.(newestCutouts(arrivals, states))
    const answered = await timed('classify', () => this.#answer(arrivals, states, durable))
    const { pending, classifications, hiddenStates, placements } = answered
    const { answers, values } = await timed('encode', () => this.#encode(pending, classifications))
    await keeping
    // The packets are not read after this point, so they cannot be the cause of a later crash.
    await contentsDone()

    await timed('store', () => durable)
    control?.signal.throwIfAborted()
    const messages = [
      ...deadLetters,
      ...answers,
      ...this.#retracting.messages(placements),
      ...currentMessages(pending, classifications, this.#options.output)
    ]
    const caching = store.writeCache(hiddenStates).catch(() => {}) // only a cache: without it, classification takes longer
    await timed('publish', () => sink.send(messages, control?.signal))
    await caching
    await this.#retracting.unmark(placements, store)

    stats.countOutcomes(batchStats, pending, classifications)
    stats.countPublished(batchStats, messages)
    onBatch?.(batchStats)
    onClassifications?.(classifications.flat(), values)
    shadows?.compare(pending, classifications[0] ?? [])
    return taken
  }

  /** Publishes a message as a dead letter without decoding its packet. */
  async #refuse(message: InputMessage, error: HieraxError, control?: BatchControl): Promise<void> {
    const batchStats = stats.emptyStats()
    const letters = [deadLetterMessage(message, error, this.#options.output)]
    await stats.timed(batchStats, 'publish', () => this.#options.sink.send(letters, control?.signal))
    stats.countDeadLetter(batchStats, error, message)
    stats.countPublished(batchStats, letters)
    this.#options.onBatch?.(batchStats)
  }

  async #decode(batch: readonly InputMessage[], batchStats: stats.BatchStats): Promise<Decoded> {
    const { decode, admission, maxFutureDays = null, output } = this.#options
    const arrivals: Arrival[] = []
    const deadLetters: OutputMessage[] = []
    let taken = 0
    let points = 0
    for (; taken < batch.length && arrivals.length < maxAlerts && points < maxPoints; taken++) {
      const message = batch[taken] as InputMessage
      try {
        const alerts = decode(message.value, message.key)
        if (maxFutureDays !== null) refuseFuture(alerts, message, maxFutureDays)
        for (const alert of alerts) {
          const admitted = admit(alert, admission, message.topic)
          arrivals.push({ ...admitted, objectId: alert.objectId, origin: message, cutouts: alert.cutouts })
          points += admitted.observations.length
          stats.countDecoded(batchStats, alert, admitted)
        }
      } catch (thrown) {
        const error = HieraxError.from(thrown, 'DECODE_FAILED')
        deadLetters.push(deadLetterMessage(message, error, output))
        stats.countDeadLetter(batchStats, error, message)
      }
      const pause = this.#yieldIfBusy()
      if (pause !== null) await pause
    }
    return { taken, arrivals, deadLetters }
  }

  /** Merges all points and alerts of the batch, before any alert is classified. Resolves with the new states by object before they are durable. */
  async #merge(arrivals: readonly Arrival[], batchStats: stats.BatchStats) {
    const additions = additionsOf(arrivals)
    if (additions.size === 0) return { states: new Map<string, ObjectState>(), durable: Promise.resolve() }
    const { states, durable } = await beginMerge(this.#options.store, [...additions.values()])
    for (const { objectId, curve } of states) {
      stats.countMerged(batchStats, additions.get(objectId) as Addition, curve)
    }
    return { states: new Map(states.map(state => [state.objectId, state])), durable }
  }

  /**
   * Computes all classifications that the batch requires, and marks in the store which objects are on topics of retracting routes. If another
   * process has changed an object since the merge, everything is computed again with the object's new state.
   */
  async #answer(arrivals: readonly Arrival[], states: Map<string, ObjectState>, durable: Promise<void>) {
    for (;;) {
      const pending = pendingAnswers(arrivals, states)
      const classified = await this.#classifier.classify(pending)
      const placements = this.#retracting.placementsOf(pending, classified.classifications)
      // Marking reads the objects again, and must find what was merged.
      if (placements.length > 0) await durable
      const changed = await this.#retracting.mark(placements, this.#options.store)
      if (changed.length === 0) return { pending, placements, ...classified }
      for (const state of changed) states.set(state.objectId, state)
    }
  }

  /** All messages, and the value of each classification. */
  async #encode(
    pending: readonly PendingAnswer[],
    classifications: ClassifiedAlerts['classifications']
  ): Promise<{ readonly answers: OutputMessage[]; readonly values: Uint8Array[] }> {
    const answers: OutputMessage[] = []
    const values: Uint8Array[] = []
    for (const ofModel of classifications) {
      for (let index = 0; index < ofModel.length; index++) {
        const { origin } = pending[index] as PendingAnswer
        const messages = classificationMessages(ofModel[index] as Classification, origin, this.#options.output)
        answers.push(...messages)
        values.push(messages[0].value)
        const pause = this.#yieldIfBusy()
        if (pause !== null) await pause
      }
    }
    return { answers, values }
  }
}

const writer = new PointWriter()

/** Groups points and alert records by object, for the merge. */
function additionsOf(arrivals: readonly Arrival[]): Map<string, Addition> {
  const objects = new Map<string, { points: Points[]; alerts: Addition['alerts'][number][] }>()
  for (const { objectId, observations, record, rejection } of arrivals) {
    let object = objects.get(objectId)
    if (object === undefined) {
      object = { points: [], alerts: [] }
      objects.set(objectId, object)
    }
    object.points.push(observations)
    object.alerts.push({ record, admitted: rejection === null })
  }
  const additions = new Map<string, Addition>()
  for (const [objectId, { points, alerts }] of objects)
    additions.set(objectId, { objectId, observations: joined(points), alerts })
  return additions
}

/** All points of a list. */
function joined(points: readonly Points[]): Points {
  if (points.length === 1) return points[0] as Points
  for (const each of points) writer.addAll(each)
  return writer.take()
}
