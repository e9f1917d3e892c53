import { LRUCache } from 'lru-cache'
import type { Classifier } from '../classifier/types.ts'
import { alertHash } from '../lightcurves/fingerprint.ts'
import { admittedCurve, type Gates } from '../lightcurves/gates.ts'
import type { Store } from '../lightcurves/stores/store.ts'
import { historyOf } from '../pipeline/history.ts'
import type { HistoryView } from '../service/schemas.ts'
import { toHistoryView } from '../service/views.ts'

/** Histories kept for those who ask for the same again. */
const kept = 64

/**
 * Answers how the probabilities of objects came about. One is computed at a time, so that those who look never take more
 * than a part of the model's time, and what is asked again while nothing changed is not computed again.
 */
export class Histories {
  readonly #store: Pick<Store, 'get'>
  readonly #admit: Gates & { readonly minDetections: number }
  readonly #kept = new LRUCache<string, Promise<HistoryView>>({ max: kept })
  #last: Promise<unknown> = Promise.resolve()

  constructor(store: Pick<Store, 'get'>, admit: Gates & { readonly minDetections: number }) {
    this.#store = store
    this.#admit = admit
  }

  /** An object's history by one model; null where nothing is known of the object. */
  async of(objectId: string, classifier: Classifier, limit: number): Promise<HistoryView | null> {
    const state = await this.#store.get(objectId)
    if (!state) return null
    const curve = admittedCurve(state.curve, this.#admit)
    const alert = state.newestAdmitted
    const rests = [curve.length, curve.hashOf(curve.length), alert && alertHash(alert)]
    const key = [classifier.sha256, limit, ...rests, objectId].join(':')
    const known = this.#kept.get(key)
    if (known) return known
    const options = { minDetections: this.#admit.minDetections, limit, alert }
    const computed = this.#last
      .then(() => historyOf(curve, classifier, options))
      .then(moments => toHistoryView(objectId, classifier, moments))
    this.#kept.set(key, computed)
    this.#last = computed.catch(() => void this.#kept.delete(key))
    return computed
  }
}
