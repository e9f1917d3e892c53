import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../config/config.ts'
import { HieraxError } from '../../errors.ts'
import type { FromWorker, ToWorker, WorkerState } from './messages.ts'

/** How a worker came to its end. */
export interface WorkerEnd {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** What it said before; null where it said nothing. */
  readonly error: HieraxError | null
  /** How long it lived, ms. */
  readonly lived: number
}

const entry = fileURLToPath(new URL(`./worker-main${path.extname(import.meta.url)}`, import.meta.url))

/** A worker as its parent sees it. */
export class WorkerProcess {
  /** Number of the worker, from 1; it stays the same when its process is another. */
  readonly worker: number
  /** Resolves when the process has ended. */
  readonly ended: Promise<WorkerEnd>
  /** What it said of itself last; null before it has. */
  state: WorkerState | null = null
  private readonly child: ChildProcess
  private readonly onClassifications: (bodies: readonly Record<string, unknown>[]) => void
  private readonly began = performance.now()
  private heard = performance.now()
  private error: HieraxError | null = null
  private asked: (() => void)[] = []

  constructor(worker: number, config: Config, onClassifications: (bodies: readonly Record<string, unknown>[]) => void) {
    this.worker = worker
    this.onClassifications = onClassifications
    this.child = fork(entry, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.child.on('message', message => this.receive(message as FromWorker))
    // Told of by its end.
    this.child.on('error', () => {})
    this.ended = this.end()
    this.send({ type: 'start', worker, config })
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  /** How long nothing was heard of it, ms. */
  get silent(): number {
    return performance.now() - this.heard
  }

  /** Resolves when it has said how it does now, or after `limit` ms. */
  async refresh(limit: number): Promise<void> {
    if (this.state === null || !this.child.connected) return
    const timer = new AbortController()
    const answered = new Promise<void>(resolve => this.asked.push(resolve))
    this.send({ type: 'ask' })
    await Promise.race([answered, sleep(limit, undefined, { signal: timer.signal }).catch(() => {})])
    timer.abort()
  }

  /** Lets it finish; ends it after `limit` ms. */
  async stop(limit: number): Promise<WorkerEnd> {
    this.send({ type: 'stop' })
    const timer = setTimeout(() => this.kill(), limit)
    const end = await this.ended
    clearTimeout(timer)
    return end
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }

  private async end(): Promise<WorkerEnd> {
    // Disconnected only after all that it said was heard.
    const heardAll = this.child.connected ? once(this.child, 'disconnect') : Promise.resolve()
    const exit = once(this.child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    const [exitCode, signal] = await exit.catch((): [null, null] => [null, null])
    await heardAll
    this.answer()
    return { exitCode, signal, error: this.error, lived: performance.now() - this.began }
  }

  private send(message: ToWorker): void {
    // A worker that has just ended can't be told; its end is noticed anyway.
    if (this.child.connected) this.child.send(message, () => {})
  }

  private receive(message: FromWorker): void {
    this.heard = performance.now()
    if (message.type === 'classifications') this.onClassifications(message.bodies)
    else if (message.type === 'failed') this.error = new HieraxError(message.code, message.message)
    else {
      this.state = message
      this.answer()
    }
  }

  private answer(): void {
    const asked = this.asked
    this.asked = []
    for (const resolve of asked) resolve()
  }
}
