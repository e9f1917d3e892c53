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
    days: given.get('t') === 'days'
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

function within(text: string | null, least: number, most: number): number | null {
  const value = text === null || text === '' ? Number.NaN : Number(text)
  return value >= least && value <= most ? value : null
}
