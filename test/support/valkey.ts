import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { Redis } from 'iovalkey'
import { freePort } from './free-port.ts'
import { requireAll } from './shared.ts'
import { until } from './until.ts'

/** A server started by a test, to be killed and restarted. */
export class ValkeyServer {
  readonly port: number
  readonly folder: string
  private readonly options: readonly string[]
  private child: ChildProcess | null = null

  constructor(port: number, folder: string, options: readonly string[]) {
    this.port = port
    this.folder = folder
    this.options = options
  }

  get url(): string {
    return `valkey://127.0.0.1:${this.port}`
  }

  /** Process id of the server. */
  get pid(): number {
    return this.child?.pid ?? 0
  }

  /** Starts the server with its existing data, and waits until it accepts connections. */
  async start(): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', '']
    this.child = spawn(
      binary() as string,
      [...args, '--appendonly', 'yes', '--appendfsync', 'always', ...this.options.map(own => this.withPort(own))],
      {
        stdio: 'ignore'
      }
    )
    await until(() => accepts(this.port))
  }

  /** Freezes (SIGSTOP) or resumes (SIGCONT) the server. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.kill(signal)
  }

  /** Kills the server, like a power failure. */
  async kill(): Promise<void> {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = once(this.child, 'close')
    this.child.kill('SIGKILL')
    await ended
  }

  /** Replaces `{port}` in an option by the server's port. */
  private withPort(option: string): string {
    return option.replace('{port}', String(this.port))
  }
}

/** A real server for tests, or the reason to skip them. */
export interface TestValkey {
  readonly skip: string | false
  /** URL without a database. */
  readonly url: string
  /** The server; null if it is shared. */
  readonly server: ValkeyServer | null
  /** A client for direct access, without the store. */
  client(db?: number): Redis
}

/**
 * A Valkey or Redis server for the tests of one file: `VALKEY_URL` unless the test needs a separate one (or options), else a local
 * `valkey-server` or `redis-server` on a free port, stopped after the tests. With `HIERAX_REQUIRE_ALL=1` it throws if there is none.
 */
export async function valkey(own = false, options: readonly string[] = []): Promise<TestValkey> {
  const named = process.env.VALKEY_URL
  if (named && !own && options.length === 0) return reached(named.replace(/\/\d*$/, ''), null)
  if (binary() === null) {
    const reason = 'needs a Valkey: install redis-server or valkey-server, or set VALKEY_URL'
    if (requireAll) throw new Error(`HIERAX_REQUIRE_ALL=1, but this test ${reason}`)
    return { skip: reason, url: '', server: null, client: () => new Redis({ lazyConnect: true }) }
  }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-valkey-'))
  const server = new ValkeyServer(await freePort(), folder, options)
  await server.start()
  after(async () => {
    await server.kill()
    // A child process of the server may still be writing there.
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  })
  return reached(server.url, server)
}

function reached(url: string, server: ValkeyServer | null): TestValkey {
  const clients: Redis[] = []
  after(() => {
    for (const client of clients) client.disconnect()
  })
  return {
    skip: false,
    url,
    server,
    client(db = 0) {
      const client = new Redis(`${url.replace(/^valkey/, 'redis')}/${db}`)
      client.on('error', () => {})
      clients.push(client)
      return client
    }
  }
}

function binary(): string | null {
  const found = ['valkey-server', 'redis-server'].find(name => spawnSync(name, ['--version']).status === 0)
  return found ?? null
}

async function accepts(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1')
  const connected = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false)
  ]).catch(() => false)
  socket.destroy()
  return connected
}
