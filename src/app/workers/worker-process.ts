import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../config/config.ts'
import { type ErrorCode, HieraxError } from '../../errors.ts'
import type { Classification, ClassificationJson } from '../../messages/classification.ts'
import { fromJson } from '../../messages/encoding.ts'
import type { ShadowResult } from '../../pipeline/shadows.ts'
import type { PartState } from '../../service/schema/schemas.ts'
import type { Part } from '../../telemetry/definitions.ts'
import type { MetricValues } from '../../telemetry/processes.ts'

/** Messages from the parent to a worker. */
export type ToWorker =
  | { readonly type: 'start'; readonly worker: number; readonly config: Config }
  /** Requests a `state`. */
  | { readonly type: 'ask' }
  /** Finish the batches in flight, commit them, and end. */
  | { readonly type: 'stop' }

/** Health and metrics of a worker. */
export interface WorkerState {
  readonly readiness: Readonly<Record<Part, PartState>>
  readonly liveness: { readonly ok: boolean; readonly reason: string }
  readonly metrics: MetricValues
}

/** Messages from a worker to its parent. They are sent as JSON: a `candid` is text. */
export type FromWorker =
  | ({ readonly type: 'state' } & WorkerState)
  | { readonly type: 'classifications'; readonly bodies: readonly ClassificationJson[] }
  | { readonly type: 'shadow'; readonly result: ShadowResult }
  /** Why it is about to end. */
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }

/** What a worker reports to its parent. */
export interface WorkerEvents {
  /** It has published these classifications. */
  readonly onClassifications: (classifications: readonly Classification[]) => void
  readonly onShadow: (result: ShadowResult) => void
}

/** How a worker ended. */
export interface WorkerEnd {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** The error that it reported; null if it reported none. */
  readonly error: HieraxError | null
  /** How long it lived, ms. */
  readonly lived: number
}

const entry = fileURLToPath(new URL(`./worker-main${path.extname(import.meta.url)}`, import.meta.url))

/** A worker as its parent sees it. */
export class WorkerProcess {
  /** Number of the worker, from 1; a restarted worker keeps it. */
  readonly worker: number
  /** Resolves when the process has ended. */
  readonly ended: Promise<WorkerEnd>
  /** Its last state; null before the first. */
  state: WorkerState | null = null
  private readonly child: ChildProcess
  private readonly events: WorkerEvents
  private readonly began = performance.now()
  private heard = performance.now()
  private error: HieraxError | null = null
  private asked: (() => void)[] = []

  constructor(worker: number, config: Config, events: WorkerEvents) {
    this.worker = worker
    this.events = events
    this.child = fork(entry, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.child.on('message', message => this.receive(message as FromWorker))
    // `ended` reports it.
    this.child.on('error', () => {})
    this.ended = this.end()
    this.send({ type: 'start', worker, config })
  }

  /** Time since its last message, ms. */
  get silent(): number {
    return performance.now() - this.heard
  }

  /** Resolves when it has sent its current state, or after `limit` ms. */
  async refresh(limit: number): Promise<void> {
    if (this.state === null || !this.child.connected) return
    const timer = new AbortController()
    const answered = new Promise<void>(resolve => this.asked.push(resolve))
    this.send({ type: 'ask' })
    await Promise.race([answered, sleep(limit, undefined, { signal: timer.signal }).catch(() => {})])
    timer.abort()
  }

  /** Lets it finish; kills it after `limit` ms. */
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
    // It is disconnected only after all its messages were received.
    const heardAll = this.child.connected ? once(this.child, 'disconnect') : Promise.resolve()
    const exit = once(this.child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    const [exitCode, signal] = await exit.catch((): [null, null] => [null, null])
    await heardAll
    this.answer()
    return { exitCode, signal, error: this.error, lived: performance.now() - this.began }
  }

  private send(message: ToWorker): void {
    // A worker that has just ended receives nothing; its end is noticed anyway.
    if (this.child.connected) this.child.send(message, () => {})
  }

  private receive(message: FromWorker): void {
    this.heard = performance.now()
    if (message.type === 'classifications') this.events.onClassifications(message.bodies.map(fromJson))
    else if (message.type === 'shadow') this.events.onShadow(message.result)
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
