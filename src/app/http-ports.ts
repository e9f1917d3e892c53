import { LRUCache } from 'lru-cache'
import type { AdmissionSettings } from '../alerts/admission.ts'
import type { Classifier } from '../classifier/types.ts'
import { admittedCurve } from '../lightcurves/curve/gates.ts'
import { type CutoutStore, cutoutKinds } from '../lightcurves/cutouts.ts'
import { alertHash } from '../lightcurves/points/fingerprint.ts'
import type { Store } from '../lightcurves/store.ts'
import { toJson } from '../messages/encoding.ts'
import { historyOf } from '../pipeline/history.ts'
import { ObjectClassifier } from '../pipeline/object-classifier.ts'
import type { ClassificationFeed } from '../service/feed.ts'
import type { ServicePorts } from '../service/ports.ts'
import type { HistoryView } from '../service/schema/schemas.ts'
import { type MinuteStatistics, toStatisticsView } from '../service/statistics.ts'
import { toHistoryView, toObjectView } from '../service/views.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { ObjectQueries } from './object-queries.ts'

/** Dependencies of the HTTP service. */
export interface PortDeps extends Pick<ServicePorts, 'readiness' | 'liveness' | 'shadows'> {
  readonly store: Pick<Store, 'get' | 'readCache' | 'objectIds' | 'idsIn'>
  readonly classifiers: readonly Classifier[]
  readonly admission: AdmissionSettings
  readonly metrics: Metrics
  readonly feed: ClassificationFeed
  readonly minute: MinuteStatistics
  /** Images of alerts; null if none are kept. */
  readonly cutouts: Pick<CutoutStore, 'get'> | null
}

/** The ports through which the HTTP service asks for objects, histories, statistics and events. */
export function createPorts(deps: PortDeps): ServicePorts {
  const { store, classifiers, admission, metrics, feed, minute, cutouts, shadows, readiness, liveness } = deps
  const objectClassifier = new ObjectClassifier({ store, classifiers, admission })
  const histories = new Histories(admission.admit)
  const queries = new ObjectQueries({ store, classifiers, admission })
  const indexOf = (model?: string) => classifiers.findIndex(({ sha256 }) => model === undefined || sha256 === model)
  /** The images of the object's newest alert, if its programme is admitted. */
  const cutoutsOf = async ({ objectId, newest }: Pick<State, 'objectId' | 'newest'>) => {
    const kept = (await cutouts?.get(objectId)) ?? null
    return kept?.candid === newest?.candid && admission.programs.includes(kept?.programId ?? -1) ? kept : null
  }
  return {
    readiness,
    liveness,
    metrics,
    shadows,
    programs: admission.programs,
    models: () => classifiers,
    recent: (limit, accept) => feed.recent(limit, accept),
    subscribe: listener => feed.subscribe(listener),
    statistics: async () => toStatisticsView(await metrics.values(), minute.view()),
    async object(objectId, model) {
      const state = await store.get(objectId)
      if (!state) return null
      const current = (await objectClassifier.currentClassifications(state))[indexOf(model)]
      const object = toObjectView(state, current ? toJson(current) : null, admission.admit)
      if (!cutouts) return object
      const images = await cutoutsOf(state).catch(() => null)
      return { ...object, cutouts: cutoutKinds.filter(kind => images?.cutouts[kind] !== undefined) }
    },
    query: query => queries.run(query),
    async cutouts(objectId) {
      const state = cutouts && (await store.get(objectId))
      return state ? cutoutsOf(state) : null
    },
    async history(objectId, { model, limit }) {
      const classifier = classifiers[indexOf(model)]
      const state = classifier && (await store.get(objectId))
      return state ? histories.of(state, classifier, limit) : null
    }
  }
}

type State = NonNullable<Awaited<ReturnType<Store['get']>>>

/** Number of histories that are kept. */
const maxHistories = 64

/**
 * Computes histories of objects, one at a time, so that requests never take more than a part of the model's time. A history is
 * computed again only when what it is based on has changed.
 */
class Histories {
  readonly #admit: AdmissionSettings['admit']
  readonly #computed = new LRUCache<string, Promise<HistoryView>>({ max: maxHistories })
  #last: Promise<unknown> = Promise.resolve()

  constructor(admit: AdmissionSettings['admit']) {
    this.#admit = admit
  }

  of({ objectId, curve: stored, newestAdmitted: alert }: State, classifier: Classifier, limit: number) {
    const curve = admittedCurve(stored, this.#admit)
    const basis = [curve.length, curve.hashOf(curve.length), alert && alertHash(alert)]
    const key = [classifier.sha256, limit, ...basis, objectId].join(':')
    const known = this.#computed.get(key)
    if (known) return known
    const options = { minDetections: this.#admit.minDetections, limit, alert }
    const history = this.#last
      .then(() => historyOf(curve, classifier, options))
      .then(moments => toHistoryView(objectId, classifier, moments))
    this.#computed.set(key, history)
    this.#last = history.catch(() => void this.#computed.delete(key))
    return history
  }
}
