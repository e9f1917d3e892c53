/** A failed request to the service. */
export class ApiError extends Error {
  /** HTTP status; 0 if the service did not respond. */
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

/** Gets JSON from the service. Rejects with an ApiError, except for statuses listed in `also`. */
export async function getJson<T>(path: string, also: readonly number[] = [], signal?: AbortSignal): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, { signal: signal ?? null, headers: { accept: 'application/json' } })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError(0, 'UNREACHABLE', 'the service does not respond', 'Check whether it is running, and its log.')
  }
  const body = await response.json().catch(() => ({}))
  if (response.ok || also.includes(response.status)) return body as T
  const { code = 'UNKNOWN', detail = response.statusText, remedy = '' } = body as Record<string, string>
  throw new ApiError(response.status, code, detail, remedy)
}

/** A path with the parameters that are set. */
export function pathOf(path: string, parameters: Readonly<Record<string, string | number | null>>): string {
  const set = Object.entries(parameters).filter(([, value]) => value !== null && value !== '')
  const query = new URLSearchParams(set.map(([name, value]) => [name, String(value)]))
  return query.size > 0 ? `${path}?${query}` : path
}
