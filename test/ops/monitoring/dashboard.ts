import { parse } from 'yaml'
import { read } from '../container/files.ts'

/** A query of the dashboard, its variables filled in. */
export interface Query {
  readonly panel: string
  readonly expression: string
  /** What the legend says, `{{label}}` included. */
  readonly legend: string
}

/** An alert rule. */
export interface Rule {
  readonly alert: string
  readonly expr: string
  /** How long the expression must hold. */
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly action: string }
}

/** A group of rules, evaluated together. */
export interface Group {
  readonly name: string
  /** Time between two evaluations; by default that of Prometheus. */
  readonly interval?: string
  readonly rules: readonly Rule[]
}

interface Panel {
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
}

export const dashboard: { uid: string; panels: Panel[]; annotations: { list: { expr: string }[] } } = JSON.parse(
  read('ops/grafana/dashboards/hierax.json')
)

/** The query of a variable, as `$__rate_interval` and all instances are for a test. */
function filledIn(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*')
}

export const queries: readonly Query[] = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({ panel: title, expression: filledIn(expr), legend: legendFormat }))
)

export const groups: readonly Group[] = parse(read('ops/prometheus/alerts.yml')).groups

export const rules: readonly Rule[] = groups.flatMap(group => group.rules)
