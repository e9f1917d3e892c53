import { batch, computed, effect, signal } from '@preact/signals'
import { ApiError, getJson, pathOf } from './api.ts'
import { maxRows, merged } from './rows.ts'
import { type Classification, type Model, type Readiness, type Statistics, supersedes, type Taxonomy } from './types.ts'
import { view } from './url.ts'

/** State of the event stream. `refused`: the service responds, but rejected the stream. */
export type Connection = 'connecting' | 'open' | 'lost' | 'refused'

/** Requested classifications per second; more would be unreadable. */
const sample = 8

export const connection = signal<Connection>('connecting')
/** The latest error of a request; null after a success. */
export const apiError = signal<ApiError | null>(null)
export const readiness = signal<Readiness | null>(null)
export const statistics = signal<Statistics | null>(null)
export const models = signal<readonly Model[]>([])
export const taxonomy = signal<Taxonomy | null>(null)
/** The latest classifications that pass the filters, one per object, newest arrival first. */
export const rows = signal<readonly Classification[]>([])
/** The list has been loaded, so an empty one means that there are no classifications. */
export const listed = signal(false)
/** Why the filters in the address are invalid; null if they are valid. */
export const filterError = signal<ApiError | null>(null)
/** The list does not change while the pointer or focus is in it. */
export const paused = signal(false)
/** The current classification of the followed object, from the event stream. */
export const followed = signal<Classification | null>(null)
/** Number of classifications of followed objects received; each may have brought points. */
export const arrivals = signal(0)

/** Identifies a model in requests: its name or, if that is not unique, its abbreviated SHA-256. */
export function modelKey({ name, sha256 }: Pick<Model, 'name' | 'sha256'>): string {
  return models.value.filter(other => other.name === name).length > 1 ? sha256.slice(0, 12) : name
}

/** The model in the address if it is in use; null for the first one. */
export const chosenModel = computed(() => {
  const key = view.value.model
  const found = models.value.find(
    ({ name, sha256 }) => key && (name === key || (key.length >= 8 && sha256.startsWith(key)))
  )
  return found ? modelKey(found) : null
})
/** Key of the selected model; null until it is known. */
export const model = computed(() => chosenModel.value ?? (models.value[0] ? modelKey(models.value[0]) : null))

/** The filters as text, so that a view that differs in other fields leaves them equal. */
const filterJson = computed(() => {
  const { node, min, novelty, band, status, id } = view.value
  const several = models.value.length > 1
  return JSON.stringify({
    node,
    minProbability: min,
    minNovelty: novelty,
    band,
    status,
    object: id,
    model: several ? model.value : null
  })
})

/** The filters as query parameters. A new object means changed filters: the list is then requested again. */
const filterQuery = computed(() => JSON.parse(filterJson.value) as Parameters<typeof pathOf>[1])

let pending: Classification[] = []
let flushTimer = 0

/** Limits changes of the list to a few per second, so that it stays readable. */
function enqueue(classification: Classification): void {
  pending.push(classification)
  if (pending.length > maxRows) pending = pending.slice(-maxRows)
  if (flushTimer === 0) flushTimer = window.setTimeout(flush, 400)
}

function flush(): void {
  flushTimer = 0
  if (paused.value) {
    flushTimer = window.setTimeout(flush, 400)
    return
  }
  rows.value = merged(pending.reverse(), rows.value)
  pending = []
}

/** Requests something and stores it; a failure sets `connection` and `apiError`, and a 404 calls `unknown`. */
async function load<T>(
  path: string,
  store: (body: T) => void,
  also: readonly number[] = [],
  unknown: (error: ApiError) => void = () => {}
): Promise<void> {
  try {
    const body = await getJson<T>(path, also)
    batch(() => {
      store(body)
      // Health requires no token, so its success does not clear a 401.
      if (apiError.peek()?.status !== 401 || path.startsWith('api/')) apiError.value = null
      if (connection.value === 'lost') connection.value = 'connecting'
    })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    batch(() => {
      if (error.status === 404) {
        unknown(error)
        return
      }
      apiError.value = error
      if (error.status === 0) connection.value = 'lost'
    })
  }
}

const loadReadiness = () => load<Readiness>('health/ready', body => (readiness.value = body), [503])
const loadModels = () => load<{ models: readonly Model[] }>('api/v1/model', body => (models.value = body.models))

/** Opens the event stream for the filters and the followed object; returns a function that closes it. */
function listen(follow: string | null): () => void {
  const filter = filterQuery.peek()
  const events = new EventSource(pathOf('api/v1/events', { ...filter, sample, statistics: 1, follow }))
  const read = <T>(name: string, take: (data: T) => void) =>
    events.addEventListener(name, event => take(JSON.parse((event as MessageEvent<string>).data) as T))
  read<Classification>('classification', enqueue)
  read<Classification>('followed', classification => {
    if (models.peek().length > 1 && modelKey(classification.classifier) !== model.peek()) return
    batch(() => {
      arrivals.value++
      const before = followed.peek()
      const same =
        before?.objectId === classification.objectId && before.classifier.sha256 === classification.classifier.sha256
      if (!same || supersedes(classification, before)) followed.value = classification
    })
  })
  read<Statistics>('statistics', data => (statistics.value = data))
  events.addEventListener('open', () => (connection.value = 'open'))
  events.addEventListener('error', () => {
    connection.value = events.readyState === EventSource.CLOSED ? 'refused' : 'lost'
    void loadReadiness()
    // EventSource does not give the reason; another request does.
    if (connection.peek() === 'refused') void loadModels()
  })
  const reopenTimer = window.setInterval(() => {
    // EventSource does not retry after a rejection.
    if (events.readyState === EventSource.CLOSED) reopened.value++
  }, 5000)
  return () => {
    window.clearInterval(reopenTimer)
    events.close()
  }
}

const reopened = signal(0)

/** Starts polling and the event stream; `follow` is the id of the object on display. */
export function startLive(follow: { readonly value: string | null }): void {
  void loadReadiness()
  window.setInterval(() => {
    void loadReadiness()
    if (models.value.length === 0) void loadModels()
  }, 4000)
  void loadModels()
  effect(() => {
    const name = model.value
    if (name === null) return
    void load<Taxonomy>(pathOf('api/v1/taxonomy', { model: chosenModel.value }), body => (taxonomy.value = body))
  })
  effect(() => {
    const filter = filterQuery.value
    listed.value = false
    rows.value = []
    pending = []
    const path = pathOf('api/v1/recent', { ...filter, limit: maxRows })
    filterError.value = null
    const take = (body: Classification[]): void => {
      if (filter !== filterQuery.value) return
      rows.value = merged(rows.value, body)
      listed.value = true
    }
    void load(path, take, [], error => {
      if (filter === filterQuery.value) filterError.value = error
    })
  })
  let close: (() => void) | null = null
  let timer = 0
  effect(() => {
    void filterQuery.value
    void reopened.value
    const object = follow.value
    window.clearTimeout(timer)
    // Typing a filter or stepping through the list should open only one stream, at the end.
    timer = window.setTimeout(() => {
      close?.()
      close = listen(object)
    }, 250)
  })
}
