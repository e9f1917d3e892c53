import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isBuilt } from './build.ts'
import { root } from './shared.ts'
import { patienceMs, until } from './until.ts'

/** The built command line, as it is shipped. */
export const hierax = path.join(root, 'dist/cli/main.js')

// `npm test` builds it before the tests.
if (process.env.TEST_RUN === undefined && !isBuilt())
  console.warn('dist/ is missing or older than its sources, and commands are run from there: npm run build')

/** Benchmarks also use this file, outside of the test runner. */
const isTest = process.argv[1]?.endsWith('.test.ts') === true

/** What tests preload into commands. */
const preloads = isTest ? ['--import', new URL('./overwrite-frames.mjs', import.meta.url).href] : []

/** The environment without the developer's own HIERAX_ settings. */
export function cleanEnvironment(settings: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('HIERAX_'))
  return { ...Object.fromEntries(own), ...settings }
}

/** Settings of a service that reads one topic, with a group of the same name and output topics named after it. */
export function aroundTopic(brokers: readonly string[], topic: string, store: string): Record<string, string> {
  return {
    HIERAX_INPUT_BROKERS: brokers.join(','),
    HIERAX_INPUT_TOPICS: topic,
    HIERAX_INPUT_GROUP: topic,
    HIERAX_OUTPUT_CLASSIFICATIONS: `${topic}.out`,
    HIERAX_OUTPUT_DEAD_LETTERS: `${topic}.dead`,
    HIERAX_STORE_URL: store
  }
}

/** A temporary folder; the caller removes it. */
export function temporaryFolder(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-test-'))
}

/** The result of a command. */
export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts a command of Hierax in the project's folder. */
export function startHierax(
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {}
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [...preloads, hierax, ...args], { cwd: root, env: cleanEnvironment(settings) })
}

/** Runs a command of Hierax until it exits. */
export async function runHierax(
  args: readonly string[],
  { settings = {}, input }: { settings?: Readonly<Record<string, string>>; input?: Uint8Array } = {}
): Promise<CommandResult> {
  const child = startHierax(args, settings)
  const ended = once(child, 'close') as Promise<[number | null]>
  child.stdin.on('error', () => {}) // of a command that does not read it
  child.stdin.end(input)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await ended
  return { code, stdout, stderr }
}

const running = new Set<ChildProcess>()

// A failed test leaves its services running, which would keep its process alive.
if (isTest)
  after(() => {
    for (const child of running) child.kill('SIGKILL')
  })

/** A `hierax serve` in a child process. */
export class ServiceProcess {
  child: ChildProcess
  private readonly lines: string[] = []
  private readonly env: NodeJS.ProcessEnv
  private readonly main: string
  /** Index of the first line of the current process. */
  private firstLine = 0
  private ending = false

  private constructor(env: NodeJS.ProcessEnv, supervised: boolean, main: string) {
    this.env = env
    this.main = main
    this.child = this.spawn(supervised)
  }

  /**
   * Starts a service on a free port and waits until it serves HTTP. A supervised one is restarted if it loses its store. `main`: another
   * built command line.
   */
  static async start(
    settings: Readonly<Record<string, string>>,
    supervised = false,
    main = hierax
  ): Promise<ServiceProcess> {
    const service = new ServiceProcess(cleanEnvironment({ HIERAX_HTTP_PORT: '0', ...settings }), supervised, main)
    await service.started()
    return service
  }

  private spawn(supervised: boolean): ChildProcess {
    this.firstLine = this.lines.length
    const child = spawn(process.execPath, [...preloads, this.main, 'serve'], { env: this.env })
    running.add(child)
    child.once('exit', () => {
      running.delete(child)
      if (supervised && !this.ending && /"code":"STORE_FAILED".*can no longer write/.test(this.recent))
        this.child = this.spawn(true)
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => this.lines.push(chunk))
    }
    return child
  }

  private started(): Promise<void> {
    return this.until('the service to start', () => this.url !== null)
  }

  /** The log of the current process. */
  private get recent(): string {
    return this.lines.slice(this.firstLine).join('')
  }

  /** The whole log. */
  get log(): string {
    return this.lines.join('')
  }

  /** Address of its HTTP server; null until it is logged. */
  get url(): string | null {
    return /"address":"([^"]+)"/.exec(this.recent)?.[1] ?? null
  }

  async get(route: string): Promise<{ status: number; text: string }> {
    // A restarted service has another address.
    if (this.url === null) await this.started()
    const { child } = this
    try {
      // A connection of its own: one that is kept may be closed by the server just as it is used again.
      const response = await fetch(`${this.url}${route}`, { headers: { connection: 'close' } })
      return { status: response.status, text: await response.text() }
    } catch (error) {
      // It may just be restarting.
      await sleep(1000)
      if (this.child === child) throw error
      return this.get(route)
    }
  }

  /** Values of the metrics by name with labels, as in the text format. */
  async metrics(): Promise<Map<string, number>> {
    const { text } = await this.get('/metrics')
    const samples = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
    return new Map(
      samples.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))])
    )
  }

  /** Waits for a condition; throws with the log if it is not met in time, or if the process exits first. */
  async until(what: string, done: () => boolean | Promise<boolean>, limitMs = patienceMs): Promise<void> {
    const met = async (): Promise<boolean> => {
      if (await done()) return true
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`The service exited before ${what}:\n${this.log}`)
      return false
    }
    await until(met, limitMs, () => `${what}:\n${this.log}`)
  }

  /** Waits until at least `alerts` alerts are consumed. */
  async untilConsumed(alerts: number): Promise<Map<string, number>> {
    let metrics = new Map<string, number>()
    await this.until(`${alerts} alerts to be consumed`, async () => {
      metrics = await this.metrics()
      return total(metrics, 'hierax_alerts_consumed_total') >= alerts
    })
    return metrics
  }

  /** Sends a signal and resolves with the exit code; null if the signal ended the process. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.ending = true
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode
    const ended = once(this.child, 'close') as Promise<[number | null]>
    this.child.kill(signal)
    return (await ended)[0]
  }
}

/** Sum of a metric over all its labels. */
export function total(metrics: ReadonlyMap<string, number>, name: string): number {
  let sum = 0
  for (const [key, value] of metrics) if (key === name || key.startsWith(`${name}{`)) sum += value
  return sum
}
