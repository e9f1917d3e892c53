import { isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'iovalkey'
import { HieraxError } from '../../../errors.ts'
import type { StoreTrouble } from '../../store.ts'
import { type Failure, failureKind, failureOf, storeError } from './failures.ts'
import type { Script } from './objects/objects.ts'

/** Address and credentials of a server. */
export interface ValkeyAddress {
  readonly host: string
  readonly port: number
  readonly db: number
  readonly username: string | null
  readonly password: string | null
  readonly tls: boolean
  /** The address without credentials, for messages. */
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

/** How long a request waits for a lost connection to come back before it fails, ms. */
const patience = 2000

/** A server that does not answer a request for so long is taken for lost, ms. */
const defaultSilence = 15_000

/** Key of the write that shows whether a server that refused one takes them again. */
const probeKey = 'hierax:probe'

/**
 * A connection that is restored automatically. Nothing is queued while it is lost: a request waits for a moment and then fails, and the
 * input is read again. On a new connection, `prepare` checks the server before the first request.
 */
export class ValkeyConnection {
  readonly address: ValkeyAddress
  private readonly pulse: NodeJS.Timeout
  private readonly client: Redis
  private readonly prepare: (connection: ValkeyConnection) => Promise<void>
  private usable = false
  private closed = false
  private attempts = 0
  private failure: { readonly error: unknown; readonly kind: Failure } | null = null
  private waiting: (() => void)[] = []
  private refusedWrites: StoreTrouble | null = null

  /** `silence`: how long a request may have no answer until the server is taken for lost, ms. */
  constructor(
    address: ValkeyAddress,
    prepare: (connection: ValkeyConnection) => Promise<void>,
    silence = defaultSilence
  ) {
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
      // The server name of TLS must not be an IP address.
      ...(tls ? { tls: isIP(host) === 0 ? { servername: host } : {} } : {}),
      connectionName: 'hierax',
      connectTimeout: 5000,
      socketTimeout: silence,
      keepAlive: 10_000,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => Math.min(50 * 2 ** Math.min(this.attempts++, 10), 3000) * (0.75 + Math.random() / 2),
      // A primary that became a replica: its name may now resolve to the new primary.
      reconnectOnError: error => error.message.startsWith('READONLY')
    })
    this.client.on('error', error => this.failed(error))
    this.client.on('close', () => {
      this.usable = false
      this.failure ??= { error: new Error('connection closed'), kind: failureOf('closed') }
    })
    this.client.on('ready', () => void this.check())
    // A server that hangs is noticed without other requests, within four thirds of `silence`.
    this.pulse = setInterval(() => void this.beat(), silence / 3).unref()
  }

  /** Why it can't be used at present; null if it can. */
  get trouble(): string | null {
    if (this.usable) return this.refusedWrites
    return this.failure?.kind.reason ?? 'connecting'
  }

  /** Resolves when requests can be sent. Rejects after `limit` ms, and at once for a lasting failure. */
  async wait(limit: number): Promise<void> {
    for (const end = performance.now() + limit; !this.usable; ) {
      const left = end - performance.now()
      const error = this.failure?.error ?? new Error('connect ETIMEDOUT')
      if (this.closed) throw new HieraxError('STORE_FAILED', `The connection to ${this.address.shown} is closed`)
      if (left <= 0 || this.failure?.kind.passing === false) throw error
      const timer = new AbortController()
      const change = new Promise<void>(resolve => this.waiting.push(resolve))
      await Promise.race([change, sleep(left, undefined, { signal: timer.signal }).catch(() => {})])
      timer.abort()
    }
  }

  /**
   * Runs `ask`, which sends requests, and resolves with its result. Runs it again if the connection breaks, so its requests must be
   * idempotent. Rejects with a STORE_FAILED or STORE_REFUSED that begins with `what`.
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
        // The error of a pending command says only that it was aborted; the connection's own says why.
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

  /** Runs a script, and sends its text if the server does not have it yet. */
  async run(script: Script, keys: readonly (string | Buffer)[], args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.call('EVALSHA', script.sha1, keys.length, ...keys, ...args)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await this.call('EVAL', script.text, keys.length, ...keys, ...args)
    }
  }

  /** STORE_CORRUPT for a key of the wrong type. `then`: a sentence on what happens to it. Only within `request`. */
  async wrongType(key: string, then: string): Promise<HieraxError> {
    return this.foreignValue(key, String(await this.call('TYPE', key)), then)
  }

  /** STORE_CORRUPT for a value of the wrong type (`found`) that a script moved away. */
  movedValue(key: string, found: string, then: string): HieraxError {
    const moved = `hierax:moved:${key.slice('hierax:'.length)}`
    return this.foreignValue(key, found, `It was moved to ${JSON.stringify(moved)}, and ${then}`)
  }

  /** Closes it for good. */
  close(): void {
    this.closed = true
    this.usable = false
    clearInterval(this.pulse)
    this.client.disconnect()
    this.wakeWaiting()
  }

  private async check(): Promise<void> {
    try {
      // If the server refused the database, the client would continue in database 0.
      await this.call('SELECT', this.address.db)
      await this.prepare(this)
      this.usable = true
      this.attempts = 0
      this.failure = null
      this.wakeWaiting()
    } catch (error) {
      this.failed(error)
      if (!this.closed) this.client.disconnect(true)
    }
  }

  /** Asks the server for a sign of life: after a refused write for another write, because only that shows that it takes them again. */
  private async beat(): Promise<void> {
    if (!this.usable) return
    try {
      if (this.refusedWrites === null) await this.call('PING')
      else {
        await this.call('SET', probeKey, '', 'EX', 60)
        this.refusedWrites = null
      }
    } catch {
      // A lost connection is reported by the client; a write that is refused again changes nothing.
    }
  }

  private foreignValue(key: string, found: string, then: string): HieraxError {
    const what = `The key ${JSON.stringify(key)} of ${this.address.shown} holds a ${found}, which another application wrote`
    return new HieraxError('STORE_CORRUPT', `${what}. ${then}`)
  }

  private failed(error: unknown): void {
    // Says only that a request was aborted; the failure before it says why.
    if (this.failure !== null && error instanceof Error && error.name === 'MaxRetriesPerRequestError') return
    this.failure = { error, kind: failureKind(error) }
    // Waiting does not help with a lasting failure.
    if (!this.failure.kind.passing) this.wakeWaiting()
  }

  private wakeWaiting(): void {
    const waiting = this.waiting
    this.waiting = []
    for (const resolve of waiting) resolve()
  }
}
