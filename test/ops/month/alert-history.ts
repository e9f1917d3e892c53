import type { Group, Rule } from '../monitoring/dashboard.ts'
import type { Prometheus } from '../monitoring/prometheus.ts'

/** An alert that fired, with its labels. */
export interface Firing {
  readonly alert: string
  readonly labels: Readonly<Record<string, string>>
  /** Epoch seconds. */
  readonly from: number
  readonly to: number
}

interface Range {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly (readonly [number, string])[]
}

/** More steps than this are too many for one query of Prometheus. */
const maxSteps = 10_000
const defaultStep = 120

/** The alerts that Prometheus would have raised with a group of rules, from its samples between two times (epoch s). */
export async function alertHistory(prometheus: Prometheus, group: Group, from: number, to: number): Promise<Firing[]> {
  const step = group.interval === undefined ? defaultStep : seconds(group.interval)
  const firings: Firing[] = []
  for (const rule of group.rules) {
    for (const [labels, times] of await activeTimes(prometheus, rule, from, to, step))
      firings.push(...firingsOf(rule, JSON.parse(labels), times, step))
  }
  return firings.sort((a, b) => a.from - b.from || a.alert.localeCompare(b.alert))
}

/** By label set: the times at which the expression of a rule holds. */
async function activeTimes(
  prometheus: Prometheus,
  { expr }: Rule,
  from: number,
  to: number,
  step: number
): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>()
  for (let start = from; start <= to; start += maxSteps * step) {
    const end = Math.min(to, start + (maxSteps - 1) * step)
    const range = { query: expr, start: String(start), end: String(end), step: String(step) }
    const { result } = await prometheus.api<{ result: Range[] }>('query_range', range)
    for (const { metric, values } of result) {
      const { __name__, ...labels } = metric
      const key = JSON.stringify(labels)
      const known = times.get(key) ?? []
      times.set(key, known)
      for (const [time] of values) known.push(time)
    }
  }
  return times
}

/** As Prometheus decides: an alert fires once its expression has held at every evaluation for the time of its `for`. */
function firingsOf(rule: Rule, labels: Record<string, string>, times: readonly number[], step: number): Firing[] {
  const wait = seconds(rule.for ?? '0s')
  const spells: { from: number; to: number }[] = []
  for (const time of times) {
    const last = spells.at(-1)
    if (last && time - last.to <= step) last.to = time
    else spells.push({ from: time, to: time })
  }
  return spells
    .filter(({ from, to }) => to - from >= wait)
    .map(({ from, to }) => ({ alert: rule.alert, labels, from: from + wait, to }))
}

/** A duration of Prometheus of one unit, such as `5m`. */
function seconds(duration: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(duration) ?? []
  if (count === undefined) throw new Error(`${duration} is no duration of one unit`)
  return Number(count) * { s: 1, m: 60, h: 3600, d: 86_400 }[unit as 's' | 'm' | 'h' | 'd']
}
