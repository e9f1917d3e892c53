import { HieraxError } from '../../../errors.ts'

/** What went wrong with a server, in a few words (a reason for probes), and whether it can pass by itself. */
export interface Failure {
  readonly reason: string
  /** False: settings are wrong, on one side or the other. */
  readonly passing: boolean
  /** The connection is gone: the same may be asked again on another. */
  readonly connection: boolean
}

const table: readonly (readonly [RegExp, string, 'passing' | 'lasting' | 'connection'])[] = [
  [/WRONGPASS|NOAUTH|invalid password|no password is set/i, 'wrong user name or password', 'lasting'],
  [/NOPERM/, 'the user lacks permissions', 'lasting'],
  [/DENIED/, 'the server is in protected mode', 'lasting'],
  [/DB index|out of range.*SELECT/i, 'no such database', 'lasting'],
  [/MOVED|CROSSSLOT|SELECT is not allowed in cluster/i, 'a cluster, which is not supported', 'lasting'],
  [/Protocol error|unknown command|wrong version number|SSL routines/i, 'not a Valkey or Redis server', 'lasting'],
  [/certificate|self.signed|altname/i, 'its certificate is not trusted', 'lasting'],
  [/READONLY|MASTERDOWN/, 'a read-only replica', 'connection'],
  [/^OOM|maxmemory/, 'out of memory', 'passing'],
  [/MISCONF|NOREPLICAS/, 'the server refuses writes', 'passing'],
  [/LOADING|BUSY/, 'the server is loading', 'connection'],
  [/Socket timeout|timed out|ETIMEDOUT/i, 'the server does not answer', 'connection'],
  [
    /ECONN|ENOTFOUND|EAI_AGAIN|EHOST|ENET|EPIPE|closed|writeable|MaxRetries|max retries|aborted/i,
    'unreachable',
    'connection'
  ]
]

/** What an error of the client or the server means. */
export function failureOf(thrown: unknown): Failure {
  const text =
    thrown instanceof Error ? `${(thrown as NodeJS.ErrnoException).code ?? ''} ${messageOf(thrown)}` : String(thrown)
  const [, reason, kind] = table.find(([pattern]) => pattern.test(text.trim())) ?? [
    null,
    'requests fail',
    'passing' as const
  ]
  return { reason, passing: kind !== 'lasting', connection: kind === 'connection' }
}

/** The error as ours: STORE_REFUSED (of kind `usage`) for what no waiting mends, else STORE_FAILED. */
export function storeError(what: string, thrown: unknown): HieraxError {
  if (thrown instanceof HieraxError) return thrown
  const { reason, passing } = failureOf(thrown)
  const message = `${what}: ${reason} (${messageOf(thrown)})`
  return new HieraxError(passing ? 'STORE_FAILED' : 'STORE_REFUSED', message, { cause: withoutArguments(thrown) })
}

function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown)
  return text.split('\n')[0]?.slice(0, 200) ?? ''
}

/** The client hangs a command's arguments (a password among them) on its errors: they are not passed on. */
function withoutArguments(thrown: unknown): unknown {
  return thrown instanceof Error ? new Error(messageOf(thrown)) : thrown
}
