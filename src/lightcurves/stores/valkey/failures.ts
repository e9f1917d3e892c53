import { HieraxError } from '../../../errors.ts'
import type { StoreTrouble } from '../../store.ts'

/** A server that we refuse is a lasting failure, like one that refuses us. */
export function failureKind(error: unknown): Failure {
  if (!(error instanceof HieraxError)) return failureOf(error)
  return { reason: 'the store is refused', passing: error.code === 'STORE_FAILED', connection: false }
}

/** What went wrong with a server, in a few words (the reason that readiness states), and whether it may pass by itself. */
export interface Failure {
  readonly reason: StoreTrouble
  /** False: settings are wrong, on one side or the other. */
  readonly passing: boolean
  /** The connection is lost: the request may be sent again on a new one. */
  readonly connection: boolean
}

const table: readonly (readonly [RegExp, StoreTrouble, 'passing' | 'lasting' | 'connection'])[] = [
  [/WRONGPASS|NOAUTH|invalid password|no password is set/i, 'wrong user name or password', 'lasting'],
  [/NOPERM/, 'the user lacks permissions', 'lasting'],
  [/DENIED/, 'the server is in protected mode', 'lasting'],
  [/DB index|out of range.*SELECT/i, 'no such database', 'lasting'],
  [/MOVED|CROSSSLOT|SELECT is not allowed in cluster/i, 'a cluster, which is not supported', 'lasting'],
  [/Protocol error|unknown command|wrong version number|SSL routines/i, 'not a Valkey or Redis server', 'lasting'],
  [/certificate|self.signed|altname/i, 'its certificate is not trusted', 'lasting'],
  [/READONLY|MASTERDOWN/, 'a read-only replica', 'connection'],
  [/^OOM|maxmemory/, 'out of memory', 'passing'],
  [/WRONGTYPE/, 'a key has the wrong type', 'passing'],
  [/MISCONF|NOREPLICAS/, 'the server refuses writes', 'passing'],
  [/LOADING|BUSY/, 'the server is loading', 'connection'],
  [/Socket timeout|timed out|ETIMEDOUT/i, 'the server does not answer', 'connection'],
  [
    /ECONN|ENOTFOUND|EAI_AGAIN|EHOST|ENET|EPIPE|closed|writeable|MaxRetries|max retries|aborted/i,
    'unreachable',
    'connection'
  ]
]

const other = [/^/, 'requests fail', 'passing'] as const

/** What an error of the client or the server means. */
export function failureOf(thrown: unknown): Failure {
  const text =
    thrown instanceof Error ? `${(thrown as NodeJS.ErrnoException).code ?? ''} ${messageOf(thrown)}` : String(thrown)
  const [, reason, kind] = table.find(([pattern]) => pattern.test(text.trim())) ?? other
  return { reason, passing: kind !== 'lasting', connection: kind === 'connection' }
}

/** Whether a key holds another type of value than the command needs. */
export function isWrongType(thrown: unknown): boolean {
  return thrown instanceof Error && /WRONGTYPE/.test(thrown.message)
}

/** For `catch`: the result for such a key. Other errors are thrown again. */
export function ifWrongType<T>(value: T): (thrown: unknown) => T {
  return thrown => {
    if (isWrongType(thrown)) return value
    throw thrown
  }
}

/** STORE_REFUSED (of kind `usage`) for a lasting failure, else STORE_FAILED. */
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

/** The client attaches a command's arguments, even a password, to its errors: leave them out. */
function withoutArguments(thrown: unknown): unknown {
  return thrown instanceof Error ? new Error(messageOf(thrown)) : thrown
}
