import { HieraxError } from '../../errors.ts'
import type { BatchHandler, Source } from '../types.ts'
import { BacklogGate } from './backlog.ts'
import { rootCause } from './client.ts'
import { untilNextLook } from './nights.ts'
import { type ClusterView, createClusterView } from './source-cluster.ts'
import { CrashPolicy } from './source-crashes.ts'
import { type KafkaSourceOptions, type ResolvedOptions, resolveOptions } from './source-options.ts'
import { ConsumerSession } from './source-session.ts'
import { sameTopics, TopicWatch } from './source-topics.ts'

/** Whether the source does its work, and if not (or not quite), why: a fixed text that a machine may compare. */
interface SourceHealth {
  readonly ready: boolean
  /**
   * `waiting for a topic` (ready), `retrying: CODE` (ready: the handler rejects), `connecting`, `joining`,
   * `rebalancing`, `crashed: NAME`, `stopping`, `stopped`; null when all is well.
   */
  readonly reason: string | null
}

/** A source that reads Kafka topics as a member of a consumer group. */
export interface KafkaSource extends Source {
  health(): SourceHealth
  /** When messages were handled last, epoch ms; 0 when none were yet. */
  lastProgress(): number
  /** Topics that are subscribed at present. */
  subscribed(): readonly string[]
}

/** A consumer that fetches nothing for so long (ms) is looked into. */
const stall = 5000

/** A Kafka source; nothing is connected before `run`. See {@link KafkaSourceOptions}. */
export function createKafkaSource(options: KafkaSourceOptions): KafkaSource {
  return new Supervisor(resolveOptions(options))
}

/**
 * Runs consumer sessions one after the other: a new one whenever the set of topics changes (midnight UTC, a topic that
 * appears or goes) and after every crash.
 */
class Supervisor implements KafkaSource {
  readonly #options: ResolvedOptions
  readonly #cluster: ClusterView
  readonly #watch: TopicWatch
  readonly #gate: BacklogGate
  readonly #crashes: CrashPolicy
  readonly #stopping = new AbortController()
  #session: ConsumerSession | null = null
  #topics: readonly string[] = []
  /** Topics that a group without offsets reads from their end: those found at the first look, with `from: latest`. */
  #fromLatest: ReadonlySet<string> | null = null
  #reason: string | null = 'connecting'
  #retrying: string | null = null
  #lastProgress = 0
  #running: Promise<void> | null = null

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#cluster = createClusterView(options.connection, options.group, options.logger)
    this.#watch = new TopicWatch(options, this.#cluster)
    this.#gate = new BacklogGate({ patience: options.limits.backlogPatience, reclose: 10_000n })
    this.#crashes = new CrashPolicy(options.limits, options.connection)
  }

  run(handler: BatchHandler): Promise<void> {
    if (this.#running !== null) throw new HieraxError('INTERNAL', 'a source runs once')
    this.#running = this.#run(handler)
    return this.#running
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running?.catch(() => undefined)
  }

  health(): SourceHealth {
    const session = this.#session
    const reason = this.#reason
    if (this.#stopping.signal.aborted) return { ready: false, reason: reason === 'stopped' ? reason : 'stopping' }
    if (session === null) return { ready: reason === waiting, reason }
    if (session.phase !== 'running') return { ready: false, reason: session.phase }
    if (session.stalled(2 * stall)) return { ready: false, reason: 'connecting' }
    return { ready: true, reason: this.#retrying }
  }

  lastProgress(): number {
    return this.#lastProgress
  }

  subscribed(): readonly string[] {
    return this.#topics
  }

  async #run(handler: BatchHandler): Promise<void> {
    try {
      while (!this.#stopping.signal.aborted) await this.#round(handler)
    } finally {
      this.#reason = 'stopped'
      await this.#cluster.close()
    }
  }

  /** One look for topics, and one session when there are any. */
  async #round(handler: BatchHandler): Promise<void> {
    try {
      this.#topics = await this.#watch.look()
      this.#crashes.reached()
    } catch (error) {
      this.#reason = 'connecting'
      await this.#pauseAfter(error, 'the cluster does not answer')
      return
    }
    this.#fromLatest ??= new Set(this.#options.from === 'latest' ? this.#topics : [])
    if (this.#topics.length === 0) {
      if (this.#reason !== waiting) this.#options.logger.info({}, 'no topic to read exists yet: waiting')
      this.#reason = waiting
      await this.#sleep(this.#untilNextLook())
      return
    }
    await this.#runSession(handler)
  }

  async #runSession(handler: BatchHandler): Promise<void> {
    const { logger, events } = this.#options
    logger.info({ topics: this.#topics }, 'subscribing')
    const session = new ConsumerSession({
      options: this.#options,
      cluster: this.#cluster,
      gate: this.#gate,
      topics: this.#topics,
      fromLatest: this.#fromLatest ?? new Set(),
      handler,
      progressed: () => this.#progressed(),
      retrying: error => {
        this.#retrying = `retrying: ${error instanceof HieraxError ? error.code : 'INTERNAL'}`
      }
    })
    this.#session = session
    const ended = new AbortController()
    const end = () => ended.abort()
    // A look for topics in flight is not waited for: the session would begin new work meanwhile.
    const stopped = new Promise<null>(resolve => ended.signal.addEventListener('abort', () => resolve(null)))
    this.#stopping.signal.addEventListener('abort', end, { once: true })
    if (this.#stopping.signal.aborted) end()
    const crash = await Promise.race([session.crashed, stopped, this.#untilTopicsChange(session, ended.signal)])
    this.#stopping.signal.removeEventListener('abort', end)
    end()
    await session.close()
    this.#session = null
    if (crash === null) return
    const cause = rootCause(crash)
    const name = cause instanceof Error ? cause.name : 'Error'
    this.#reason = `crashed: ${name}`
    events.onRestart?.(name)
    await this.#pauseAfter(crash, 'the consumer crashed and is made anew')
  }

  /** Resolves when the session ended, or when the topics to read are no longer those of the session. */
  async #untilTopicsChange(session: ConsumerSession, ended: AbortSignal): Promise<null> {
    while (!ended.aborted) {
      await this.#untilLookIsDue(session, ended)
      if (ended.aborted) return null
      try {
        const topics = await this.#watch.look()
        if (!sameTopics(topics, this.#topics)) return null
      } catch (error) {
        // The consumer tries again by itself while the cluster is away.
        this.#options.logger.debug({ reason: String(error) }, 'topics could not be looked up')
      }
    }
    return null
  }

  /** Until the next regular look, or until the session fetches nothing: a topic may have been deleted under it. */
  async #untilLookIsDue(session: ConsumerSession, ended: AbortSignal): Promise<void> {
    for (let left = this.#untilNextLook(); left > 0; left -= stall) {
      await this.#sleep(Math.min(left, stall), ended)
      if (ended.aborted || session.stalled(stall)) return
    }
  }

  #untilNextLook(): number {
    return untilNextLook(this.#options.clock.now(), this.#options.limits.listInterval)
  }

  #progressed(): void {
    this.#lastProgress = Date.now()
    this.#retrying = null
    this.#crashes.progressed()
  }

  async #pauseAfter(error: unknown, message: string): Promise<void> {
    const pause = this.#crashes.failed(error, performance.now())
    this.#options.logger.warn({ reason: String(rootCause(error)), pause }, message)
    await this.#sleep(pause)
  }

  async #sleep(ms: number, signal: AbortSignal = this.#stopping.signal): Promise<void> {
    await this.#options.clock.sleep(ms, signal).catch(() => undefined)
  }
}

const waiting = 'waiting for a topic'
