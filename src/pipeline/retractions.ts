import { isSameAlert } from '../lightcurves/records/alert-versions.ts'
import { isSameObject } from '../lightcurves/records/object-record.ts'
import { compareRanks, joinMarks, markKey, type RouteMark } from '../lightcurves/route-marks.ts'
import type { ObjectState, Store } from '../lightcurves/store.ts'
import type { Classification } from '../messages/classification.ts'
import { rankOf } from '../messages/current.ts'
import { type OutputSettings, onRoute, routedMessage } from '../messages/outgoing.ts'
import { type Route, unmetConditions } from '../messages/routes.ts'
import type { OutputMessage } from '../streams/types.ts'
import type { PendingAnswer } from './pending-answers.ts'

/** The current classification of an object by a model, and whether it belongs on the topic of a retracting route. */
interface Placement {
  readonly topic: string
  readonly body: Classification
  readonly pending: PendingAnswer
  /** The routes to the topic whose conditions are met. */
  readonly met: readonly Route[]
  /** Keys of the conditions that are not met; empty if the object belongs on the topic. */
  readonly unmet: readonly string[]
  /** The marks that say that the object is on the topic: of this model, and of models that are no longer in use. */
  readonly on: readonly RouteMark[]
}

/**
 * Topics of routes with `retract`. Only current classifications are sent to them: of each object, the one of its newest admitted alert. If it
 * no longer meets the conditions and the object is on the topic, a retraction is sent. The store keeps which topics an object is on (`RouteMark`).
 */
export class RetractingTopics {
  readonly #output: OutputSettings
  readonly #models: readonly string[]
  readonly #topics = new Map<string, Route[]>()

  /** `models`: SHA-256 of each model, in the order of their classifications. */
  constructor(output: OutputSettings, models: readonly string[]) {
    this.#output = output
    this.#models = models
    for (const route of output.routes) {
      if (route.retract) this.#topics.set(route.topic, [...(this.#topics.get(route.topic) ?? []), route])
    }
  }

  /** Where the current classifications belong. `classifications` are those of each model, in the order of `pending`. */
  placementsOf(
    pending: readonly PendingAnswer[],
    classifications: readonly (readonly Classification[])[]
  ): Placement[] {
    if (this.#topics.size === 0) return []
    const last = new Map(pending.map((answer, index) => [answer.state.objectId, index]))
    return [...last.values()].flatMap(index => {
      const answer = pending[index] as PendingAnswer
      const { newestAdmitted } = answer.state
      if (newestAdmitted === null || !isSameAlert(answer.record, newestAdmitted)) return []
      const bodies = classifications.map(ofModel => ofModel[index] as Classification)
      return [...this.#topics].flatMap(([topic, routes]) => this.#placementsOn(topic, routes, answer, bodies))
    })
  }

  /**
   * Marks objects as being on a topic before they are sent to it. Resolves with the states that another process has changed since then.
   * Their classifications must be computed again, because that process could not know of the marks. Rejects with STORE_FAILED.
   */
  async mark(placements: readonly Placement[], store: Pick<Store, 'merge'>): Promise<ObjectState[]> {
    const marks = placements.flatMap(({ topic, body, pending, unmet }) => {
      if (unmet.length > 0) return []
      const key = markKey(topic, body.classifier.sha256)
      const known = pending.state.routes.find(mark => isFor(mark, key))
      // If the stored mark belongs to a newer classification, its rank is kept.
      const rank = known && compareRanks(known, rankOf(body)) > 0 ? known : rankOf(body)
      if (known?.on && compareRanks(known, rank) === 0) return []
      return [{ state: pending.state, mark: { ...rank, ...key, on: true } }]
    })
    const before = new Map(marks.map(({ state }) => [state.objectId, state]))
    const after = await keep(marks, store)
    return after.filter(state => !isSameObject(state, before.get(state.objectId) as ObjectState))
  }

  /** The messages to the topics: current classifications that belong there, and retractions. */
  messages(placements: readonly Placement[]): OutputMessage[] {
    return placements.flatMap(({ topic, body, pending: { origin }, met, unmet, on }) => {
      if (unmet.length > 0 && on.length === 0) return []
      const headers: Record<string, string> = unmet.length > 0 ? { retracted: unmet.join(',') } : {}
      return [onRoute(routedMessage(topic, body, origin, this.#output, headers), body, met)]
    })
  }

  /** Marks objects as withdrawn, when their retractions are acknowledged. Rejects with STORE_FAILED. */
  async unmark(placements: readonly Placement[], store: Pick<Store, 'merge'>): Promise<void> {
    const marks = placements.flatMap(({ body, pending: { state }, unmet, on }) =>
      unmet.length === 0
        ? []
        : on.map(({ topic, model }) => ({ state, mark: { topic, model, ...rankOf(body), on: false } }))
    )
    await keep(marks, store)
  }

  #placementsOn(
    topic: string,
    routes: readonly Route[],
    pending: PendingAnswer,
    bodies: readonly Classification[]
  ): Placement[] {
    const met = bodies.map(body => routes.filter(route => unmetConditions(body, route).length === 0))
    const unmet = bodies.map((body, index) =>
      met[index]?.length ? [] : [...new Set(routes.flatMap(route => unmetConditions(body, route)))]
    )
    const keys = this.#models.map(model => markKey(topic, model))
    const marks = pending.state.routes.filter(mark => mark.on && mark.topic === keys[0]?.topic)
    const isAnyMet = unmet.some(keys => keys.length === 0)
    // The first model retracts the classifications of models that are no longer in use.
    const orphans = isAnyMet ? [] : marks.filter(mark => !keys.some(key => isFor(mark, key)))
    return bodies.map((body, index) => {
      const own = marks.filter(mark => isFor(mark, keys[index] as (typeof keys)[number]))
      const on = index === 0 ? [...own, ...orphans] : own
      return { topic, body, pending, met: met[index] as Route[], unmet: unmet[index] as string[], on }
    })
  }
}

async function keep(
  marks: readonly { readonly state: ObjectState; readonly mark: RouteMark }[],
  store: Pick<Store, 'merge'>
): Promise<ObjectState[]> {
  if (marks.length === 0) return []
  const byObject = new Map<string, RouteMark[]>()
  for (const { state, mark } of marks) byObject.set(state.objectId, [...(byObject.get(state.objectId) ?? []), mark])
  return await store.merge(
    [...byObject].map(([objectId, routes]) => ({ objectId, observations: [], alerts: [], routes: joinMarks(routes) }))
  )
}

function isFor(mark: RouteMark, { topic, model }: Pick<RouteMark, 'topic' | 'model'>): boolean {
  return mark.topic === topic && mark.model === model
}
