import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AdmissionSettings } from '../alerts/admission.ts'
import type { Classifier } from '../classifier/types.ts'
import { HieraxError } from '../errors.ts'
import { admittedCurve } from '../lightcurves/curve/gates.ts'
import type { Journal } from '../lightcurves/journal.ts'
import { isSameObject } from '../lightcurves/records/object-record.ts'
import type { ObjectState, Store } from '../lightcurves/store.ts'
import type { Classification } from '../messages/classification.ts'
import { classificationMessages, type Origin, type OutputSettings } from '../messages/outgoing.ts'
import type { Sink } from '../streams/types.ts'
import { currentMessages } from './current-answers.ts'
import { ObjectClassifier } from './object-classifier.ts'
import { reissuedAnswers } from './pending-answers.ts'
import {
  type Counts,
  counts,
  keepReclassificationProgress,
  type Progress,
  reclassificationProgress
} from './reclassification-progress.ts'
import { RetractingTopics } from './retractions.ts'

/** Which objects and classifications are published; all conditions must hold. */
export interface Selection {
  /** Object ids; empty: all objects of the store. */
  readonly objectIds: readonly string[]
  /** Earliest Julian date of an object's last admitted detection, days; null: no limit. */
  readonly since: number | null
  /** Minimum probability of a node; null: all classifications, including those without probabilities. */
  readonly least: { readonly node: string; readonly probability: number } | null
}

/** Dependencies and settings of a {@link Reclassification}. */
export interface ReclassificationOptions {
  readonly store: Pick<Store, 'get' | 'readCache' | 'objectIds' | 'merge'>
  /** Where the progress is kept, so that it can be resumed. */
  readonly journal: Pick<Journal, 'read' | 'write'>
  readonly classifiers: readonly Classifier[]
  /** Null: nothing is published, and no progress is kept. */
  readonly sink: Sink | null
  readonly admission: AdmissionSettings
  readonly output: OutputSettings
  readonly selection: Selection
  /** Maximum number of objects per second; 0 for no limit. */
  readonly rate: number
  /** Number of objects in the store. */
  readonly total: number
  /** Begin with the first object even if an earlier run was interrupted. */
  readonly restart?: boolean
  /** Called with the number of objects of each chunk, when its messages are acknowledged. */
  readonly onProgress?: (objects: number) => void
  /** Called for every object that cannot be read; it is skipped. */
  readonly onCorrupt?: (error: HieraxError) => void
}

/** Result of {@link Reclassification.run}. */
export interface Outcome extends Counts {
  /** Whether all objects are done; false if the signal was aborted. */
  readonly finished: boolean
  /** Messages by topic, of this process. */
  readonly messages: ReadonlyMap<string, number>
  /** Published classifications by model, then by predicted node or by the reason why there is none, of this process. */
  readonly results: ReadonlyMap<string, ReadonlyMap<string, number>>
}

/** Objects that are classified at a time. */
const maxPortion = 50

/** Value of the header `source`. */
const source = 'reclassify'

const nothing: Counts = { objects: 0, reclassified: 0, withoutAlert: 0, corrupt: 0, overtaken: 0 }

/**
 * Publishes the current classifications of objects again, also by models that have not classified them before. Ids and bytes are those that
 * the service would publish. Objects are only read, so `serve` may merge alerts at the same time. If an object changes while it is classified
 * here, it is classified again, so that the last message is never that of an older state.
 */
export class Reclassification {
  readonly #options: ReclassificationOptions
  readonly #classifier: ObjectClassifier
  readonly #run: string
  readonly #writer = randomUUID()
  readonly #messages = new Map<string, number>()
  readonly #results = new Map<string, Map<string, number>>()
  readonly #retracting: RetractingTopics
  #counts: Counts = { ...nothing }
  #after = ''

  constructor(options: ReclassificationOptions) {
    this.#options = options
    this.#classifier = new ObjectClassifier(options)
    this.#retracting = new RetractingTopics(
      options.output,
      options.classifiers.map(({ sha256 }) => sha256)
    )
    this.#run = hashOf(options)
  }

  /** The object after which the run resumes; null if it begins with the first one. Rejects with STORE_FAILED. */
  async resume(): Promise<string | null> {
    const { journal, sink, restart = false } = this.#options
    const before = sink === null || restart ? null : await reclassificationProgress(journal)
    if (before === null || before.finished || before.run !== this.#run || before.after === '') return null
    this.#after = before.after
    this.#counts = counts.parse(before)
    return this.#after
  }

  /**
   * Runs until all objects are done or the signal is aborted. Rejects with STORE_FAILED, with PUBLISH_FAILED, and with USAGE if another
   * process has begun to reclassify the same store.
   */
  async run(signal: AbortSignal): Promise<Outcome> {
    const { rate, selection, store } = this.#options
    const begun = performance.now()
    let classified = 0
    let finished = true
    await this.#keep(false, true)
    const ids =
      selection.objectIds.length > 0
        ? [...new Set(selection.objectIds)].sort().filter(id => id > this.#after)
        : store.objectIds(this.#after)
    const size = rate > 0 ? Math.min(maxPortion, Math.max(1, Math.floor(rate / 4))) : maxPortion
    for await (const portion of inPortions(ids, size)) {
      if (rate > 0) await waitUntil(begun + (classified * 1000) / rate, signal)
      classified += await this.#portion(portion, signal)
      if (signal.aborted) {
        finished = false
        break
      }
      this.#after = portion.at(-1) as string
      await this.#keep(false)
      this.#options.onProgress?.(portion.length)
    }
    if (finished) await this.#keep(true)
    return { ...this.#counts, finished, messages: this.#messages, results: this.#results }
  }

  /** Resolves with the number of objects that were classified. */
  async #portion(objectIds: readonly string[], signal: AbortSignal): Promise<number> {
    const done = { ...this.#counts, objects: this.#counts.objects + objectIds.length }
    const found = await this.#read(objectIds, error => {
      done.corrupt++
      this.#options.onCorrupt?.(error)
    })
    done.withoutAlert += found.filter(({ newest }) => newest === null).length
    const selected = found.filter(this.#isSelected, this)
    const published = new Set<string>()
    for (let states = selected; states.length > 0 && !signal.aborted; ) {
      for (const objectId of await this.#publish(states, signal)) published.add(objectId)
      if (this.#options.sink === null) break
      const before = new Map(states.map(state => [state.objectId, state]))
      const now = await this.#read([...before.keys()], () => {})
      states = now.filter(state => !isSameObject(before.get(state.objectId) as ObjectState, state))
      done.overtaken += states.length
    }
    done.reclassified += published.size
    if (!signal.aborted) this.#counts = done
    return selected.length
  }

  /** The states of the objects, without those that are unknown or cannot be read. */
  async #read(objectIds: readonly string[], onCorrupt: (error: HieraxError) => void): Promise<ObjectState[]> {
    const states = await Promise.all(
      objectIds.map(async objectId => {
        try {
          return await this.#options.store.get(objectId)
        } catch (thrown) {
          const error = HieraxError.from(thrown)
          if (error.code !== 'STORE_CORRUPT') throw error
          onCorrupt(error)
          return null
        }
      })
    )
    return states.filter(state => state !== null)
  }

  #isSelected({ newest, curve }: ObjectState): boolean {
    const { selection, admission } = this.#options
    if (newest === null || selection.since === null) return newest !== null
    const { lastDetectionJd } = admittedCurve(curve, admission.admit).upTo(Number.POSITIVE_INFINITY)
    return lastDetectionJd !== null && lastDetectionJd >= selection.since
  }

  /** Resolves with the objects whose messages are acknowledged; with none if the signal was aborted first. */
  async #publish(states: readonly ObjectState[], signal: AbortSignal): Promise<string[]> {
    const { sink, output, selection } = this.#options
    const origin: Origin = { topic: source, source, ingested: Date.now() }
    const pending = states.flatMap(state => reissuedAnswers(state, origin))
    const { classifications } = await this.#classifier.classify(pending)
    const published = classifications.flat().filter(body => isLikely(body, selection.least))
    const ids = new Set(published.map(({ id }) => id))
    const placements = this.#retracting
      .placementsOf(pending, classifications)
      .filter(({ body }) => published.includes(body))
    // A change by another process meanwhile is found after publication.
    if (sink !== null) await this.#retracting.mark(placements, this.#options.store)
    const messages = [
      ...published.flatMap(body => classificationMessages(body, origin, output)),
      ...this.#retracting.messages(placements),
      ...currentMessages(pending, classifications, output).filter(({ headers }) => ids.has(headers.id as string))
    ]
    try {
      await sink?.send(messages, signal)
      if (sink !== null) await this.#retracting.unmark(placements, this.#options.store)
    } catch (error) {
      if (signal.aborted) return []
      throw error
    }
    for (const body of published) this.#count(body)
    for (const { topic } of messages) this.#messages.set(topic, (this.#messages.get(topic) ?? 0) + 1)
    return published.map(({ objectId }) => objectId)
  }

  #count({ classifier, prediction, reason }: Classification): void {
    const model = `${classifier.name} ${classifier.version}`
    const results = this.#results.get(model) ?? new Map<string, number>()
    this.#results.set(model, results)
    const result = reason ?? prediction?.node ?? 'no prediction'
    results.set(result, (results.get(result) ?? 0) + 1)
  }

  /** Writes the progress into the journal. */
  async #keep(finished: boolean, first = false): Promise<void> {
    const { journal, sink, selection, total } = this.#options
    if (sink === null) return
    const other = first ? null : await reclassificationProgress(journal)
    if (other !== null && other.writer !== this.#writer) {
      throw new HieraxError('USAGE', 'another `hierax reclassify` of this store has begun; only the last one goes on')
    }
    const note: Progress = {
      ...this.#counts,
      run: this.#run,
      after: this.#after,
      finished,
      total: selection.objectIds.length > 0 ? selection.objectIds.length : total,
      writer: this.#writer
    }
    await keepReclassificationProgress(journal, note)
  }
}

/** Equal for runs that publish the same messages. */
function hashOf({ classifiers, admission, output, selection }: ReclassificationOptions): string {
  const models = classifiers.map(({ sha256, population }) => [sha256, population])
  const others = [output.current, output.desc].filter(topic => topic)
  const what = [models, admission, output.classifications, output.routes, selection, ...others]
  const text = JSON.stringify(what, (_, value) => (value instanceof Map ? [...value] : value))
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function isLikely({ nodes }: Classification, least: Selection['least']): boolean {
  return (
    least === null || nodes.some(({ name, probability }) => name === least.node && probability >= least.probability)
  )
}

async function* inPortions<T>(items: AsyncIterable<T> | Iterable<T>, size: number): AsyncGenerator<T[]> {
  let portion: T[] = []
  for await (const item of items) {
    portion.push(item)
    if (portion.length < size) continue
    yield portion
    portion = []
  }
  if (portion.length > 0) yield portion
}

async function waitUntil(time: number, signal: AbortSignal): Promise<void> {
  const left = time - performance.now()
  if (left > 0) await sleep(left, undefined, { signal }).catch(() => {})
}
