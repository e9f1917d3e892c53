import { setTimeout as sleep } from 'node:timers/promises'
import type { AdmissionSettings } from '../alerts/admission.ts'
import type { Classifier } from '../classifier/types.ts'
import { HieraxError } from '../errors.ts'
import { cellsAround, separation } from '../lightcurves/sky.ts'
import type { ObjectState, Store } from '../lightcurves/store.ts'
import { toJson } from '../messages/encoding.ts'
import { ObjectClassifier } from '../pipeline/object-classifier.ts'
import type { ObjectQuery, QueriedObject } from '../service/ports.ts'

/** Objects that are read and classified at a time. */
const batchSize = 64

/** How long a cone search waits for the index of positions, ms. */
const indexPatience = 5000

/** Dependencies of the queries. */
export interface ObjectQueriesDeps {
  readonly store: Pick<Store, 'get' | 'readCache' | 'objectIds' | 'idsIn'>
  readonly classifiers: readonly Classifier[]
  readonly admission: AdmissionSettings
  /** How long a cone search waits for the index of positions, ms; 5,000 unless given. */
  readonly patience?: number
}

/**
 * Queries of the current classifications of all objects in the store. The store keeps the state of an object, not its classification,
 * which is a function of that state and the model; so it is computed when a query asks for it, from the network's cached state.
 * All queries take turns, a batch at a time, so that they never take more than a part of the model's time.
 */
export class ObjectQueries {
  readonly #deps: ObjectQueriesDeps
  /** By the SHA-256 of their model. */
  readonly #classifiers: ReadonlyMap<string, ObjectClassifier>
  #last: Promise<unknown> = Promise.resolve()

  constructor(deps: ObjectQueriesDeps) {
    this.#deps = deps
    const one = (classifier: Classifier) => new ObjectClassifier({ ...deps, classifiers: [classifier] })
    this.#classifiers = new Map(deps.classifiers.map(classifier => [classifier.sha256, one(classifier)]))
  }

  /**
   * Current classifications in the order of object ids, a few at a time; a batch may be empty. Rejects with STORE_FAILED, and with
   * INDEX_INCOMPLETE for a cone while objects are added to the index of positions.
   */
  async *run(query: ObjectQuery): AsyncGenerator<readonly QueriedObject[]> {
    const classifier = this.#classifiers.get(query.model)
    if (!classifier) return
    for await (const ids of batches(await this.#idsOf(query))) {
      const batch = this.#last.then(() => this.#classify(ids, query, classifier))
      this.#last = batch.catch(() => {})
      yield await batch
    }
  }

  async #idsOf({ after, cone }: ObjectQuery): Promise<AsyncIterable<string> | Iterable<string>> {
    const { store, patience = indexPatience } = this.#deps
    if (cone === null) return store.objectIds(after)
    const end = new AbortController()
    const late = sleep(patience, null, { ref: false, signal: end.signal }).catch(() => null)
    const found = store.idsIn(cellsAround(cone))
    // The index is completed even if nobody waits for it any more.
    found.catch(() => {})
    const ids = await Promise.race([found, late]).finally(() => end.abort())
    if (ids === null)
      throw new HieraxError('INDEX_INCOMPLETE', 'objects of an older release are being added to the index of positions')
    return [...new Set(ids)].filter(id => id > after).sort()
  }

  async #classify(
    ids: readonly string[],
    query: ObjectQuery,
    classifier: ObjectClassifier
  ): Promise<readonly QueriedObject[]> {
    const found = await Promise.all(ids.map(objectId => this.#read(objectId, query)))
    const alerts = found.flatMap(one => {
      if (one === null || 'error' in one || one.newest === null) return []
      return [{ record: one.newest, versions: one.newestVersions, state: one }]
    })
    const { classifications } = await classifier.classify(alerts)
    const current = new Map(classifications.flat().map(one => [one.objectId, one]))
    return found.flatMap((one): QueriedObject[] => {
      if (one === null) return []
      if ('error' in one) return [one]
      const classification = current.get(one.objectId)
      return classification ? [{ objectId: one.objectId, classification: toJson(classification) }] : []
    })
  }

  /** The state of an object that matches; null if it does not, or was removed meanwhile. */
  async #read(
    objectId: string,
    { since, cone }: ObjectQuery
  ): Promise<ObjectState | { objectId: string; error: HieraxError } | null> {
    try {
      const state = await this.#deps.store.get(objectId)
      const newest = state?.newest
      if (!newest || (since !== null && newest.jd < since)) return null
      return cone === null || separation(cone, newest) <= cone.radius ? state : null
    } catch (error) {
      if (error instanceof HieraxError && error.code === 'STORE_CORRUPT') return { objectId, error }
      throw error
    }
  }
}

async function* batches(ids: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string[]> {
  let batch: string[] = []
  for await (const id of ids) {
    batch.push(id)
    if (batch.length < batchSize) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
