import { computed, effect, signal } from '@preact/signals'
import { ApiError, getJson, pathOf } from './api.ts'
import { arrivals, chosenModel, followed, model, modelKey, models, rows } from './live.ts'
import { type Classification, type HistoryView, type MomentView, type ObjectResponse, supersedes } from './types.ts'
import { view } from './url.ts'

/** Time for which an automatically selected object is shown, ms. */
const dwell = 20_000
/** Minimum interval between reloads of light curve and history, ms. */
const refreshInterval = 1000

/** The object shown automatically while none is selected. */
const autoSelected = signal<string | null>(null)

/** Id of the object on display; null if there is none. */
export const objectId = computed(() => view.value.object ?? autoSelected.value)
/** Its light curve and classification; null until loaded. */
export const object = signal<ObjectResponse | null>(null)
export const history = signal<HistoryView | null>(null)
/** Why the object cannot be shown. */
export const objectError = signal<ApiError | null>(null)

/** The object's current classification. */
export const currentClassification = computed<Classification | null>(() => {
  const own = ofModel(object.value?.classification ?? null)
  const streamed = ofModel(followed.value)
  if (streamed === null || streamed.objectId !== objectId.value) return own
  return own === null || supersedes(streamed, own) ? streamed : own
})

/** A classification if it is by the selected model, else null. */
function ofModel(one: Classification | null): Classification | null {
  return one !== null && models.value.length > 1 && modelKey(one.classifier) !== model.value ? null : one
}

/** Index of the selected moment in the history; null for the current classification. */
export const moment = computed<number | null>(() => {
  const { at } = view.value
  const length = history.value?.moments.length ?? 0
  return at === null || at > length ? null : at - 1
})

/** Probabilities at the selected moment by node; null if there are none. */
export const probabilities = computed<ReadonlyMap<string, number> | null>(() => {
  if (moment.value === null && currentClassification.value) {
    const { nodes } = currentClassification.value
    return nodes.length === 0 ? null : new Map(nodes.map(({ name, probability }) => [name, probability]))
  }
  const all = history.value
  const one = all?.moments[moment.value ?? all.moments.length - 1]
  return all && one ? new Map(all.nodes.map(({ name }, index) => [name, one.probabilities[index] ?? 0])) : null
})

/** The prediction at that moment. */
export const prediction = computed<MomentView['prediction']>(() =>
  moment.value === null
    ? (currentClassification.value?.prediction ?? null)
    : (history.value?.moments[moment.value]?.prediction ?? null)
)

async function load(id: string, signal: AbortSignal): Promise<void> {
  const path = `api/v1/objects/${encodeURIComponent(id)}`
  const query = { model: chosenModel.peek() }
  try {
    const [known, moments] = await Promise.all([
      getJson<ObjectResponse>(pathOf(path, query), [], signal),
      getJson<HistoryView>(pathOf(`${path}/history`, query), [], signal)
    ])
    if (signal.aborted) return
    object.value = known
    history.value = moments
    objectError.value = null
  } catch (error) {
    if (signal.aborted) return
    if (!(error instanceof ApiError)) throw error
    objectError.value = error
    if (error.status === 404) object.value = history.value = null
  }
}

/** Keeps the object on display up to date, and selects one while the user has not. */
export function startObject(): void {
  let loading = new AbortController()
  let timer = 0
  let previousModel: string | null = null
  effect(() => {
    const id = objectId.value
    const modelChanged = model.value !== previousModel
    previousModel = model.value
    loading.abort()
    loading = new AbortController()
    window.clearTimeout(timer)
    timer = 0
    if (object.peek()?.objectId !== id || modelChanged) {
      object.value = history.value = null
      objectError.value = null
    }
    if (id !== null && models.value.length > 0) void load(id, loading.signal)
  })
  effect(() => {
    void arrivals.value
    if (followed.peek()?.objectId !== objectId.peek()) return
    timer ||= window.setTimeout(() => {
      timer = 0
      const id = objectId.peek()
      if (id !== null) void load(id, loading.signal)
    }, refreshInterval)
  })
  let since = Number.NEGATIVE_INFINITY
  effect(() => {
    const candidates = rows.value
    if (view.value.object !== null) return
    const now = performance.now()
    const shown = autoSelected.peek()
    if (shown !== null && now - since < dwell) return
    const next = interesting(candidates, shown)
    if (next === null) return
    autoSelected.value = next
    since = now
  })
}

/** The most informative object of the list, with many detections and a deep, confident prediction; not the one on display. */
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
