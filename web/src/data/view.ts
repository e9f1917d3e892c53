/** What the light curve can hide: the points of a band, upper limits, and rejected detections. */
export const hideable = ['g', 'r', 'i', 'limits', 'rejected'] as const
export type Hideable = (typeof hideable)[number]

/** The state of the page that a link preserves. */
export interface View {
  /** The selected object; null to follow the stream. */
  readonly object: string | null
  /** Number of the selected moment of the history, from 1; null for the current classification. */
  readonly at: number | null
  /** The selected model; null for the first. */
  readonly model: string | null
  /** Node whose history is highlighted. */
  readonly focus: string | null
  /** Filters of the list. */
  readonly node: string | null
  readonly min: number | null
  readonly novelty: number | null
  readonly band: 'g' | 'r' | 'i' | null
  readonly status: 'CLASSIFIED' | 'NOT_CLASSIFIED' | null
  readonly id: string | null
  /** Conditional rather than marginal probabilities. */
  readonly conditional: boolean
  /** Days since the first detection rather than MJD. */
  readonly days: boolean
  /** What the light curve hides, in the order of `hideable`; null for nothing. */
  readonly hide: readonly Hideable[] | null
  /** Time range that the charts show, MJD; null for all. */
  readonly zoom: readonly [from: number, to: number] | null
}

/** Parses a query; ignores unknown and invalid parameters. */
export function viewOf(query: string): View {
  const given = new URLSearchParams(query)
  const text = (name: string) => given.get(name)?.trim().slice(0, 200) || null
  const share = (name: string) => within(given.get(name), 0, 1)
  const one = <T extends string>(name: string, values: readonly T[]) =>
    values.find(value => value === given.get(name)) ?? null
  const at = within(given.get('at'), 1, 1e6)
  return {
    object: text('object'),
    at: at === null ? null : Math.round(at),
    model: text('model'),
    focus: text('focus'),
    node: text('node'),
    min: share('min'),
    novelty: share('novelty'),
    band: one('band', ['g', 'r', 'i']),
    status: one('status', ['CLASSIFIED', 'NOT_CLASSIFIED']),
    id: text('id'),
    conditional: given.get('p') === 'conditional',
    days: given.get('t') === 'days',
    hide: hiddenOf(given.get('hide')),
    zoom: rangeOf(given.get('zoom'))
  }
}

/** The query of a view, with `?`; empty for the default view. */
export function queryOf(view: View): string {
  const { conditional, days, ...rest } = view
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(rest)) if (value !== null) query.set(name, String(value))
  if (conditional) query.set('p', 'conditional')
  if (days) query.set('t', 'days')
  return query.size > 0 ? `?${query}` : ''
}

/** What a list hides; null for nothing. */
function hiddenOf(text: string | null): View['hide'] {
  const names = text?.split(',') ?? []
  const hidden = hideable.filter(name => names.includes(name))
  return hidden.length > 0 ? hidden : null
}

/** The view with `name` hidden, or shown again. */
export function toggled({ hide }: View, name: Hideable): Pick<View, 'hide'> {
  const others = (hide ?? []).filter(one => one !== name)
  return { hide: hiddenOf((hide?.includes(name) ? others : [...others, name]).join()) }
}

/** A time range as `from,to`, MJD; null if it is none. */
function rangeOf(text: string | null): View['zoom'] {
  const [from, to, ...more] = text?.split(',').map(part => within(part, 0, 1e6)) ?? []
  return from != null && to != null && from < to && more.length === 0 ? [from, to] : null
}

function within(text: string | null, least: number, most: number): number | null {
  const value = text === null || text === '' ? Number.NaN : Number(text)
  return value >= least && value <= most ? value : null
}
