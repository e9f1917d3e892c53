import { isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'iovalkey'
import { HieraxError } from '../../../errors.ts'
import type { Script } from './objects.ts'

/** Where a server is and how to get in. */
export interface ValkeyAddress {
  readonly host: string
  readonly port: number
  readonly db: number
  readonly username: string | null
  readonly password: string | null
  readonly tls: boolean
  /** As it may be shown. */
  readonly shown: string
}

/** The address behind a URL: `valkey://`, `redis://`, and with TLS `valkeys://`, `rediss://`. Throws CONFIG_INVALID. */
export function valkeyAddress(url: string): ValkeyAddress {
  const invalid = new HieraxError('CONFIG_INVALID', 'store.url must be valkey://host:port/db, with a number for db')
  if (!URL.canParse(url)) throw invalid
  const { protocol, hostname, port, pathname, username, password } = new URL(url)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  if (host === '' || !/^(\/\d*)?$/.test(pathname)) throw invalid
  return {
    host,
    port: Number(port || 6379),
    db: Number(pathname.slice(1) || 0),
    username: decodeURIComponent(username) || null,
    password: decodeURIComponent(password) || null,
    tls: /^(valkeys|rediss):$/.test(protocol),
    shown: `${protocol}//${hostname}:${port || 6379}/${pathname.slice(1) || 0}`
  }
}

type Argument = string | number | Buffer

/** How long a request waits for a lost connection to come back, ms; who asked then decides what next. */
const patience = 2000

/** A server that sends nothing for so long though it was asked is gone, ms. */
const silence = 15_000

/**
 * A connection that comes back by itself. Nothing is queued while it is away: a request waits a moment and then fails, and
 * the input is read again. Before the first request on a new connection `prepare` looks at the server.
 */
export class ValkeyConnection {
  readonly address: ValkeyAddress
  private readonly client: Redis
  private readonly prepare: (connection: ValkeyConnection) => Promise<void>
  private usable = false
  private closed = false
  private attempts = 0
  private failure: { readonly error: unknown; readonly kind: Failure } | null = null
  private waiting: (() => void)[] = []
  private refusedWrites: string | null = null

  constructor(address: ValkeyAddress, prepare: (connection: ValkeyConnection) => Promise<void>) {
    this.address = address
    this.prepare = prepare
    const { host, port, db, username, password, tls } = address
    this.client = new Redis({
      host,
      port,
      db,
      family: 0,
      familyFallback: { enabled: false },
      ...(username === null ? {} : { username }),
      ...(password === null ? {} : { password }),
      // A name to ask for in TLS must not be an address.
      ...(tls ? { tls: isIP(host) === 0 ? { servername: host } : {} } : {}),
      connectionName: 'hierax',
      connectTimeout: 5000,
      socketTimeout: silence,
      keepAlive: 10_000,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => Math.min(50 * 2 ** Math.min(this.attempts++, 10), 3000) * (0.75 + Math.random() / 2),
      // A primary that became a replica: the name may lead to the new one.
      reconnectOnError: error => error.message.startsWith('READONLY')
    })
    this.client.on('error', error => this.failed(error))
    this.client.on('close', () => {
      this.usable = false
      this.failure ??= { error: new Error('connection closed'), kind: failureOf('closed') }
    })
    this.client.on('ready', () => void this.greet())
  }

  /** Why it can't be used at present; null where it can. */
  get trouble(): string | null {
    if (this.usable) return this.refusedWrites
    return this.failure?.kind.reason ?? 'connecting'
  }

  /** Resolves when requests can be sent; rejects at once where no waiting helps, and after `limit` ms. */
  async wait(limit: number): Promise<void> {
    for (const end = performance.now() + limit; !this.usable; ) {
      const left = end - performance.now()
      const error = this.failure?.error ?? new Error('connect ETIMEDOUT')
      if (this.closed) throw new HieraxError('STORE_FAILED', `The connection to ${this.address.shown} is closed`)
      if (left <= 0 || this.failure?.kind.passing === false) throw error
      const timer = new AbortController()
      const news = new Promise<void>(resolve => this.waiting.push(resolve))
      await Promise.race([news, sleep(left, undefined, { signal: timer.signal }).catch(() => {})])
      timer.abort()
    }
  }

  /**
   * Sends requests and resolves with what `ask` makes of the replies; asks again where the connection breaks meanwhile, so all that is
   * asked must be idempotent. Rejects with STORE_FAILED or STORE_REFUSED that begins with `what`.
   */
  async request<T>(what: string, kind: 'read' | 'write', ask: () => Promise<T>): Promise<T> {
    for (const end = performance.now() + patience; ; ) {
      try {
        await this.wait(end - performance.now())
        const reply = await ask()
        if (kind === 'write') this.refusedWrites = null
        return reply
      } catch (thrown) {
        const failure = failureOf(thrown)
        if (this.usable && kind === 'write') this.refusedWrites = failure.reason
        const again = failure.connection && !this.closed && performance.now() < end
        // A command that was under way says only that it was given up; the connection knows why.
        const reason = failure.connection ? (this.failure?.error ?? thrown) : thrown
        if (!again) throw storeError(`${what} ${this.address.shown}`, reason)
        await sleep(20)
      }
    }
  }

  /** One command; replies are buffers, numbers, null, or arrays of them. Only within `request` and `prepare`. */
  call(command: string, ...args: Argument[]): Promise<unknown> {
    return this.client.callBuffer(command, ...args)
  }

  /** One script, sent to the server when it does not have it yet. */
  async run(script: Script, keys: readonly (string | Buffer)[], args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.call('EVALSHA', script.sha1, keys.length, ...keys, ...args)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await this.call('EVAL', script.text, keys.length, ...keys, ...args)
    }
  }

  /** Ends it for good. */
  close(): void {
    this.closed = true
    this.usable = false
    this.client.disconnect()
    this.tell()
  }

  private async greet(): Promise<void> {
    try {
      // The client goes on in database 0 where its choice was refused.
      await this.call('SELECT', this.address.db)
      await this.prepare(this)
      this.usable = true
      this.attempts = 0
      this.failure = null
      this.tell()
    } catch (error) {
      this.failed(error)
      if (!this.closed) this.client.disconnect(true)
    }
  }

  private failed(error: unknown): void {
    this.failure = { error, kind: failureKind(error) }
    // Those who wait learn at once what no waiting mends.
    if (!this.failure.kind.passing) this.tell()
  }

  private tell(): void {
    const waiting = this.waiting
    this.waiting = []
    for (const resolve of waiting) resolve()
  }
}

/** What was refused by us is as lasting as what the server refuses. */
function failureKind(error: unknown): Failure {
  if (!(error instanceof HieraxError)) return failureOf(error)
  return { reason: 'the store is refused', passing: error.code === 'STORE_FAILED', connection: false }
}

/** What went wrong with a server, in a few words (a reason for probes), and whether it can pass by itself. */
interface Failure {
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
function failureOf(thrown: unknown): Failure {
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
function storeError(what: string, thrown: unknown): HieraxError {
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
