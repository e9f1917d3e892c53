import { batch, computed, effect, signal } from '@preact/signals'
import { ask, pathOf, Refusal } from './api.ts'
import { maxRows, merged } from './rows.ts'
import { type Classification, type Model, type Readiness, type Statistics, supersedes, type Taxonomy } from './types.ts'
import { view } from './url.ts'

/** How the page stands with the service. `refused`: it answers, but streams no events to us. */
export type Connection = 'connecting' | 'open' | 'lost' | 'refused'

/** Classifications a second that the service is asked for; more could not be read. */
const sample = 8

export const connection = signal<Connection>('connecting')
/** Why the service refuses; null while it does not. */
export const refusal = signal<Refusal | null>(null)
export const readiness = signal<Readiness | null>(null)
export const statistics = signal<Statistics | null>(null)
export const models = signal<readonly Model[]>([])
export const taxonomy = signal<Taxonomy | null>(null)
/** The latest answers that the filters let pass, one an object, the newest arrival first. */
export const rows = signal<readonly Classification[]>([])
/** The first answers were looked for, so that an empty list means that there are none. */
export const listed = signal(false)
/** Why the list can't be filtered as the address says; null where it can. */
export const filterRefusal = signal<Refusal | null>(null)
/** The list is held still while somebody reads it. */
export const held = signal(false)
/** The answer of the followed object that stands, of those that came. */
export const followed = signal<Classification | null>(null)
/** How many answers of followed objects came: each may have brought points. */
export const arrivals = signal(0)

/** What a model is asked for by: its name, or, where another has the same, its SHA-256. */
export function goesBy({ name, sha256 }: Pick<Model, 'name' | 'sha256'>): string {
  return models.value.filter(other => other.name === name).length > 1 ? sha256.slice(0, 12) : name
}

/** The model that the address names, if it is in use; null for the first one. */
export const chosenModel = computed(() => {
  const asked = view.value.model
  const found = models.value.find(
    ({ name, sha256 }) => asked && (name === asked || (asked.length >= 8 && sha256.startsWith(asked)))
  )
  return found ? goesBy(found) : null
})
/** What the model that is looked at goes by; null until it is known. */
export const model = computed(() => chosenModel.value ?? (models.value[0] ? goesBy(models.value[0]) : null))

/** What the filters ask of the service, as text: the same for every view with these filters, whatever else is in it. */
const wantedText = computed(() => {
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

/** What the filters ask of the service. Another object only where it asks for something else: the list is then asked for anew. */
const wanted = computed(() => JSON.parse(wantedText.value) as Parameters<typeof pathOf>[1])

let waiting: Classification[] = []
let drawing = 0

/** At most a few changes of the list a second, however many events come: it is to be read. */
function arrive(classification: Classification): void {
  waiting.push(classification)
  if (waiting.length > maxRows) waiting = waiting.slice(-maxRows)
  if (drawing === 0) drawing = window.setTimeout(flush, 400)
}

function flush(): void {
  drawing = 0
  if (held.value) {
    drawing = window.setTimeout(flush, 400)
    return
  }
  rows.value = merged(waiting.reverse(), rows.value)
  waiting = []
}

/** Asks for something again and again; what fails is told by `connection` and `refusal`. */
async function look<T>(
  path: string,
  into: (answer: T) => void,
  also: readonly number[] = [],
  unknown: (error: Refusal) => void = () => {}
): Promise<void> {
  try {
    const answer = await ask<T>(path, also)
    batch(() => {
      into(answer)
      // Health is open to all: that it answers does not give a token.
      if (refusal.peek()?.status !== 401 || path.startsWith('api/')) refusal.value = null
      if (connection.value === 'lost') connection.value = 'connecting'
    })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    batch(() => {
      if (error.status === 404) {
        unknown(error)
        return
      }
      refusal.value = error
      if (error.status === 0) connection.value = 'lost'
    })
  }
}

const lookForReadiness = () => look<Readiness>('health/ready', answer => (readiness.value = answer), [503])
const lookForModels = () => look<{ models: readonly Model[] }>('api/v1/model', answer => (models.value = answer.models))

/** Opens the stream of events for filters and the followed object; returns how to close it. */
function listen(follow: string | null): () => void {
  const filter = wanted.peek()
  const events = new EventSource(pathOf('api/v1/events', { ...filter, sample, statistics: 1, follow }))
  const read = <T>(name: string, take: (data: T) => void) =>
    events.addEventListener(name, event => take(JSON.parse((event as MessageEvent<string>).data) as T))
  read<Classification>('classification', arrive)
  read<Classification>('followed', classification => {
    if (models.peek().length > 1 && goesBy(classification.classifier) !== model.peek()) return
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
    void lookForReadiness()
    // Why a stream was refused is not told; asking for something else tells it.
    if (connection.peek() === 'refused') void lookForModels()
  })
  const again = window.setInterval(() => {
    // A stream that was refused does not open again by itself.
    if (events.readyState === EventSource.CLOSED) reopened.value++
  }, 5000)
  return () => {
    window.clearInterval(again)
    events.close()
  }
}

const reopened = signal(0)

/** Starts everything that comes from the service by itself. `follow` tells which object is looked at. */
export function startLive(follow: { readonly value: string | null }): void {
  void lookForReadiness()
  window.setInterval(() => {
    void lookForReadiness()
    if (models.value.length === 0) void lookForModels()
  }, 4000)
  void lookForModels()
  effect(() => {
    const name = model.value
    if (name === null) return
    void look<Taxonomy>(pathOf('api/v1/taxonomy', { model: chosenModel.value }), answer => (taxonomy.value = answer))
  })
  effect(() => {
    const filter = wanted.value
    listed.value = false
    rows.value = []
    waiting = []
    const path = pathOf('api/v1/recent', { ...filter, limit: maxRows })
    filterRefusal.value = null
    const take = (answer: Classification[]): void => {
      if (filter !== wanted.value) return
      rows.value = merged(rows.value, answer)
      listed.value = true
    }
    void look(path, take, [], error => {
      if (filter === wanted.value) filterRefusal.value = error
    })
  })
  let close: (() => void) | null = null
  let timer = 0
  effect(() => {
    void wanted.value
    void reopened.value
    const object = follow.value
    window.clearTimeout(timer)
    // A filter that is being typed, or a list that is stepped through, opens one stream in the end.
    timer = window.setTimeout(() => {
      close?.()
      close = listen(object)
    }, 250)
  })
}
