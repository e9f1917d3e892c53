import type { HistoryView } from '../data/types.ts'

/** Number of lines that colour and dash can distinguish. */
export const maxLines = 6

/** A node's probability over time. */
export interface HistoryLine {
  readonly name: string
  readonly values: readonly number[]
  /** Index of its colour and dash. */
  readonly style: number
}

/**
 * The most informative nodes: the final prediction and the highlighted node first, then those that were likely at some time or
 * changed most. Top-level nodes come last, since their history follows from their children's.
 */
export function linesOf(history: HistoryView, focus: string | null): HistoryLine[] {
  const { nodes, moments } = history
  const final = moments.at(-1)?.prediction?.node
  const scored = nodes.map(({ name, parent }, index) => {
    const values = moments.map(({ probabilities }) => probabilities[index] ?? 0)
    const most = Math.max(0, ...values)
    const change = most - Math.min(1, ...values)
    const first = name === final || name === focus ? 2 : 0
    return { name, values, index, most, score: first + most + change + (parent === null ? -1 : 0) }
  })
  return scored
    .filter(({ most, name }) => most >= 0.05 || name === focus)
    .sort((a, b) => b.score - a.score)
    .slice(0, maxLines)
    .sort((a, b) => a.index - b.index)
    .map(({ name, values }, style) => ({ name, values, style }))
}

/** Moves positions apart to a distance of at least `least`, keeping their order, within `[top, bottom]`. */
export function apart(places: readonly number[], least: number, top: number, bottom: number): number[] {
  const order = places.map((place, index) => ({ place, index })).sort((a, b) => a.place - b.place)
  let free = top
  for (const one of order) {
    one.place = Math.max(one.place, free)
    free = one.place + least
  }
  let limit = bottom
  for (const one of order.reverse()) {
    one.place = Math.min(one.place, limit)
    limit = one.place - least
  }
  const moved = new Array<number>(places.length).fill(0)
  for (const { place, index } of order) moved[index] = place
  return moved
}
