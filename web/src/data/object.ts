import { computed, effect, signal } from '@preact/signals'
import { ask, pathOf, Refusal } from './api.ts'
import { arrivals, chosenModel, followed, goesBy, model, models, rows } from './live.ts'
import { type Classification, type HistoryView, type MomentView, type ObjectAnswer, supersedes } from './types.ts'
import { view } from './url.ts'

/** How long the page stays with an object that it chose by itself, ms. */
const dwell = 20_000
/** Light curve and history are asked for at most so often while an object's alerts come, ms. */
const refreshAtMost = 1000

/** The object that the page shows of its own accord while none is chosen. */
const chosenByItself = signal<string | null>(null)

/** Id of the object that is shown; null while there is none. */
export const objectId = computed(() => view.value.object ?? chosenByItself.value)
/** What is known of it; null while it is not known yet. */
export const object = signal<ObjectAnswer | null>(null)
export const history = signal<HistoryView | null>(null)
/** Why the object can't be shown. */
export const objectRefusal = signal<Refusal | null>(null)

/** The object's answer that stands. */
export const answer = computed<Classification | null>(() => {
  const own = ofModel(object.value?.classification ?? null)
  const streamed = ofModel(followed.value)
  if (streamed === null || streamed.objectId !== objectId.value) return own
  return own === null || supersedes(streamed, own) ? streamed : own
})

/** An answer, if it is of the model that is looked at: each model has its own. */
function ofModel(one: Classification | null): Classification | null {
  return one !== null && models.value.length > 1 && goesBy(one.classifier) !== model.value ? null : one
}

/** Place of the moment that is looked at in the history; null for what stands now. */
export const moment = computed<number | null>(() => {
  const { at } = view.value
  const length = history.value?.moments.length ?? 0
  return at === null || at > length ? null : at - 1
})

/** Probabilities of the nodes at the moment that is looked at, by name; null where there are none. */
export const probabilities = computed<ReadonlyMap<string, number> | null>(() => {
  if (moment.value === null && answer.value) {
    const { nodes } = answer.value
    return nodes.length === 0 ? null : new Map(nodes.map(({ name, probability }) => [name, probability]))
  }
  const told = history.value
  const one = told?.moments[moment.value ?? told.moments.length - 1]
  return told && one ? new Map(told.nodes.map(({ name }, index) => [name, one.probabilities[index] ?? 0])) : null
})

/** What the model stands for at that moment. */
export const prediction = computed<MomentView['prediction']>(() =>
  moment.value === null
    ? (answer.value?.prediction ?? null)
    : (history.value?.moments[moment.value]?.prediction ?? null)
)

async function load(id: string, signal: AbortSignal): Promise<void> {
  const path = `api/v1/objects/${encodeURIComponent(id)}`
  const query = { model: chosenModel.peek() }
  try {
    const [known, told] = await Promise.all([
      ask<ObjectAnswer>(pathOf(path, query), [], signal),
      ask<HistoryView>(pathOf(`${path}/history`, query), [], signal)
    ])
    if (signal.aborted) return
    object.value = known
    history.value = told
    objectRefusal.value = null
  } catch (error) {
    if (signal.aborted) return
    if (!(error instanceof Refusal)) throw error
    objectRefusal.value = error
    if (error.status === 404) object.value = history.value = null
  }
}

/** Keeps what is shown of the object up to date, and chooses one by itself while none is chosen. */
export function startObject(): void {
  let under = new AbortController()
  let timer = 0
  let before: string | null = null
  effect(() => {
    const id = objectId.value
    const other = model.value !== before
    before = model.value
    under.abort()
    under = new AbortController()
    window.clearTimeout(timer)
    timer = 0
    if (object.peek()?.objectId !== id || other) {
      object.value = history.value = null
      objectRefusal.value = null
    }
    if (id !== null && models.value.length > 0) void load(id, under.signal)
  })
  effect(() => {
    void arrivals.value
    if (followed.peek()?.objectId !== objectId.peek()) return
    timer ||= window.setTimeout(() => {
      timer = 0
      const id = objectId.peek()
      if (id !== null) void load(id, under.signal)
    }, refreshAtMost)
  })
  let since = Number.NEGATIVE_INFINITY
  effect(() => {
    const candidates = rows.value
    if (view.value.object !== null) return
    const now = performance.now()
    const shown = chosenByItself.peek()
    if (shown !== null && now - since < dwell) return
    const next = interesting(candidates, shown)
    if (next === null) return
    chosenByItself.value = next
    since = now
  })
}

/** The object of the list that tells most: many detections and a deep, sure answer; not the one shown just now. */
export function interesting(candidates: readonly Classification[], shown: string | null): string | null {
  const before = candidates.find(({ objectId }) => objectId === shown)?.prediction?.node
  let best: { id: string; score: number } | null = null
  for (const { objectId: id, prediction: made, lightCurve } of candidates) {
    if (id === shown) continue
    const depth = made ? made.path.length * made.probability : 0
    const other = made && made.node !== before ? 0.5 : 0
    const score = Math.min(lightCurve.detections, 15) / 5 + depth + other
    if (!best || score > best.score) best = { id, score }
  }
  return best?.id ?? null
}
