import { loadConfig } from '../config/load.ts'
import { HieraxError, printable } from '../errors.ts'
import type { ComparisonView, DisagreementsView } from '../service/schema/schemas.ts'

/** Options of `hierax disagreements` as commander gives them. */
export interface DisagreementsOptions {
  readonly url?: string
  readonly config?: string
  readonly report?: true
  readonly json?: true
  readonly limit: number
  readonly model?: string
  readonly object?: string
  readonly live?: string
  readonly shadow?: string
  readonly agreement?: string
  readonly min?: number
  readonly since?: number
}

/** Time for the service to answer, ms. */
const requestTimeout = 30_000

/** Runs `hierax disagreements`: asks a running service. */
export async function disagreements(options: DisagreementsOptions): Promise<void> {
  const { http } = loadConfig({ file: options.config, env: process.env })
  const host = ['0.0.0.0', '::'].includes(http.host) ? 'localhost' : http.host
  const base = options.url ?? `http://${host.includes(':') ? `[${host}]` : host}:${http.port}`
  const found = await ask(base, queryOf(options), http.token)
  const lines = options.report
    ? options.json
      ? found.models.map(model => JSON.stringify(model))
      : found.models.flatMap(reportLines)
    : found.disagreements.map(disagreement => JSON.stringify(disagreement))
  process.stdout.write(lines.map(line => `${line}\n`).join(''))
  process.stderr.write(
    found.models.length === 0
      ? 'the service has no shadow models (`shadow` of its configuration)\n'
      : `alerts since ${printable(found.since)}, when the service was started\n`
  )
}

function queryOf({ limit, report, model, object, live, shadow, agreement, min, since }: DisagreementsOptions): string {
  const given = { limit: report ? 1 : limit, model, object, live, shadow, agreement, minProbability: min, since }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(given)) if (value !== undefined) query.set(name, String(value))
  return query.toString()
}

async function ask(base: string, query: string, token: string | null): Promise<DisagreementsView> {
  const where = `${base.replace(/\/$/, '')}/api/v1/disagreements`
  let status: number
  let body: unknown
  try {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` }
    const response = await fetch(`${where}?${query}`, { headers, signal: AbortSignal.timeout(requestTimeout) })
    status = response.status
    body = await response.json()
  } catch (cause) {
    const reason = ((cause as Error).cause as Error | undefined)?.message || (cause as Error).message
    throw new HieraxError('SERVICE_UNAVAILABLE', `${where} does not answer: ${reason}`, { cause })
  }
  if (status === 200) return body as DisagreementsView
  const { detail } = body as { readonly detail?: unknown }
  const refused = status >= 400 && status < 500 && status !== 429
  throw new HieraxError(refused ? 'USAGE' : 'SERVICE_UNAVAILABLE', `${where} answers ${status}: ${String(detail)}`)
}

/** How a shadow model agrees with the published one, in lines. */
export function reportLines(comparison: ComparisonView): string[] {
  const { model, alerts, agreement, same, ancestor, different, incomparable, skipped, seconds, pairs } = comparison
  const share = (count: number): string => `${count} (${((100 * count) / Math.max(1, alerts)).toFixed(1)} %)`
  const nodeOf = (node: string | null): string => printable(node ?? 'no prediction')
  const width = Math.max(16, ...pairs.map(({ live }) => nodeOf(live).length))
  const wide = Math.max(16, ...pairs.map(({ shadow }) => nodeOf(shadow).length))
  return [
    `${printable(model.name)} ${printable(model.version)} (${model.sha256.slice(0, 12)}), ${alerts} alerts, agreement ${agreement === null ? 'unknown' : agreement.toFixed(3)}`,
    `  same ${share(same)}, ancestor ${share(ancestor)}, different ${share(different)}, incomparable ${share(incomparable)}`,
    `  skipped: ${skipped.busy} busy, ${skipped.failed} failed; ${((1000 * seconds) / Math.max(1, alerts)).toFixed(2)} ms per alert`,
    `  ${'published'.padEnd(width)}  ${'shadow'.padEnd(wide)}  ${'alerts'.padStart(8)}  agreement`,
    ...pairs.map(
      ({ live, shadow, agreement, alerts }) =>
        `  ${nodeOf(live).padEnd(width)}  ${nodeOf(shadow).padEnd(wide)}  ${String(alerts).padStart(8)}  ${agreement}`
    )
  ]
}
