/** Why something could not be had from the service. */
export class Refusal extends Error {
  /** HTTP status; 0 where the service does not answer. */
  readonly status: number
  readonly code: string
  readonly remedy: string

  constructor(status: number, code: string, detail: string, remedy: string) {
    super(detail)
    this.status = status
    this.code = code
    this.remedy = remedy
  }
}

/** Asks the service for JSON. Rejects with a Refusal. `also` are statuses whose JSON is an answer too. */
export async function ask<T>(path: string, also: readonly number[] = [], signal?: AbortSignal): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, { signal: signal ?? null, headers: { accept: 'application/json' } })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Refusal(0, 'UNREACHABLE', 'the service does not answer', 'See whether it runs, and what its log says.')
  }
  const body = await response.json().catch(() => ({}))
  if (response.ok || also.includes(response.status)) return body as T
  const { code = 'UNKNOWN', detail = response.statusText, remedy = '' } = body as Record<string, string>
  throw new Refusal(response.status, code, detail, remedy)
}

/** A path with the parameters that have a value. */
export function pathOf(path: string, parameters: Readonly<Record<string, string | number | null>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== '')
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  return query.size > 0 ? `${path}?${query}` : path
}
