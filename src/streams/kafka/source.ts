import { HieraxError } from '../../errors.ts'
import type { BatchHandler, Source } from '../types.ts'
import { ClusterView } from './admin.ts'
import { BacklogGate } from './backlog.ts'
import { type KafkaConnection, kafkaError, rootCause } from './client.ts'
import { ConsumerSession } from './session.ts'
import { type KafkaSourceOptions, type ResolvedOptions, resolveOptions, type SourceLimits } from './source-options.ts'
import { backoff, pause } from './timing.ts'
import { sameTopics, TopicDiscovery, untilNextRefresh } from './topics.ts'

/** Whether the source works, with a reason that programs may compare. */
interface SourceHealth {
  readonly ready: boolean
  /**
   * `waiting for a topic` (ready), `retrying: CODE` (ready: the handler rejects), `connecting`, `joining`,
   * `rebalancing`, `crashed: NAME`, `stopping`, `stopped`; null if the source is working.
   */
  readonly reason: string | null
}

/** A source that reads Kafka topics as a member of a consumer group. */
export interface KafkaSource extends Source {
  health(): SourceHealth
  /** Topics that are subscribed at present. */
  subscribed(): readonly string[]
}

/** If a consumer fetches nothing for this time (ms), the topics are looked up again: its topic may have been deleted. */
const stallTimeout = 5000

const waiting = 'waiting for a topic'

/** A Kafka source; nothing is connected before `run`. See {@link KafkaSourceOptions}. */
export function createKafkaSource(options: KafkaSourceOptions): KafkaSource {
  return new SessionSupervisor(resolveOptions(options))
}

/**
 * Runs consumer sessions one after the other: a new one whenever the set of topics changes (midnight UTC, a topic is
 * created or deleted) and after every crash.
 */
class SessionSupervisor implements KafkaSource {
  readonly #options: ResolvedOptions
  readonly #cluster: ClusterView
  readonly #discovery: TopicDiscovery
  readonly #gate: BacklogGate
  readonly #crashes: CrashPolicy
  readonly #stopping = new AbortController()
  #session: ConsumerSession | null = null
  #topics: readonly string[] = []
  /** With `from: latest`, the topics of the first lookup: a group without committed offsets reads them from the end. */
  #fromLatest: ReadonlySet<string> | null = null
  #reason: string | null = 'connecting'
  #retrying: string | null = null
  #running: Promise<void> | null = null

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#cluster = new ClusterView(options.connection, options.group, options.logger)
    this.#discovery = new TopicDiscovery(options, this.#cluster)
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
    if (session.stalled(2 * stallTimeout)) return { ready: false, reason: 'connecting' }
    return { ready: true, reason: this.#retrying }
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

  /** Finds the topics, and runs one session when there are any. */
  async #round(handler: BatchHandler): Promise<void> {
    try {
      this.#topics = await this.#discovery.refresh()
      this.#options.events.onTopics?.(this.#topics)
      this.#crashes.reached()
    } catch (error) {
      this.#reason = 'connecting'
      await this.#pauseAfter(error, 'the input cluster does not answer, retrying')
      return
    }
    this.#fromLatest ??= new Set(this.#options.from === 'latest' ? this.#topics : [])
    if (this.#topics.length === 0) {
      if (this.#reason !== waiting) this.#options.logger.info({}, 'none of the input topics exists yet; waiting')
      this.#reason = waiting
      await pause(this.#untilNextRefresh(), this.#stopping.signal)
      return
    }
    await this.#runSession(handler, this.#fromLatest)
  }

  async #runSession(handler: BatchHandler, fromLatest: ReadonlySet<string>): Promise<void> {
    const { logger, events } = this.#options
    logger.info({ topics: this.#topics }, 'subscribing')
    const session = new ConsumerSession({
      options: this.#options,
      cluster: this.#cluster,
      gate: this.#gate,
      topics: this.#topics,
      fromLatest,
      handler,
      onProgress: () => {
        this.#retrying = null
        this.#crashes.progressed()
      },
      onRejected: error => {
        this.#retrying = `retrying: ${error instanceof HieraxError ? error.code : 'INTERNAL'}`
      }
    })
    this.#session = session
    const ended = new AbortController()
    const end = () => ended.abort()
    // Do not wait for a topic refresh in flight: the session would start new work meanwhile.
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
    await this.#pauseAfter(crash, 'the consumer crashed, restarting')
  }

  /** Resolves when the session has ended, or when the topics to read are no longer those of the session. */
  async #untilTopicsChange(session: ConsumerSession, ended: AbortSignal): Promise<null> {
    while (!ended.aborted) {
      await this.#untilRefreshIsDue(session, ended)
      if (ended.aborted) return null
      try {
        if (!sameTopics(await this.#discovery.refresh(), this.#topics)) return null
      } catch (error) {
        // The consumer retries by itself while the cluster is unreachable.
        this.#options.logger.debug({ reason: String(error) }, 'topics could not be looked up')
      }
    }
    return null
  }

  /** Until the next regular refresh, or until the session stalls: its topic may have been deleted. */
  async #untilRefreshIsDue(session: ConsumerSession, ended: AbortSignal): Promise<void> {
    for (let left = this.#untilNextRefresh(); left > 0; left -= stallTimeout) {
      await pause(Math.min(left, stallTimeout), ended)
      if (ended.aborted || session.stalled(stallTimeout)) return
    }
  }

  #untilNextRefresh(): number {
    return untilNextRefresh(this.#options.clock.now(), this.#options.limits.listInterval)
  }

  async #pauseAfter(error: unknown, message: string): Promise<void> {
    const ms = this.#crashes.failed(error, performance.now())
    this.#options.logger.warn({ reason: String(rootCause(error)), pause: ms }, message)
    await pause(ms, this.#stopping.signal)
  }
}

/** Consecutive rejections of the credentials after which the source gives up. A broker that is starting may reject them at first. */
const maxRefusals = 3

/**
 * Decides how long to wait after a failure of the consumer, and when to give up: if credentials are rejected repeatedly,
 * or if the consumer crashes for minutes without progress. It never gives up on a cluster that does not answer. Crashes that
 * are far apart do not count as consecutive.
 */
export class CrashPolicy {
  readonly #limits: SourceLimits
  readonly #connection: KafkaConnection
  #failures = 0
  #refusals = 0
  #crashes = 0
  #firstCrash = 0
  #lastCrash = 0

  constructor(limits: SourceLimits, connection: KafkaConnection) {
    this.#limits = limits
    this.#connection = connection
  }

  /** Messages were handled: resets the failure counters. */
  progressed(): void {
    this.#failures = 0
    this.#refusals = 0
    this.#crashes = 0
  }

  /** The cluster answered. */
  reached(): void {
    this.#refusals = 0
  }

  /**
   * Pause (ms) before the next attempt after a failure at `now` (ms of a steady clock).
   *
   * @throws {HieraxError} KAFKA_UNAVAILABLE when it gives up.
   */
  failed(error: unknown, now: number): number {
    const cause = rootCause(error)
    const name = cause instanceof Error ? cause.name : ''
    if (/SASL/.test(name)) {
      if (++this.#refusals >= maxRefusals) throw kafkaError(error, this.#connection)
    } else if (!/Connection|BrokerNotFound|NoBroker|RequestTimeout|LockTimeout/.test(name)) {
      this.#countCrash(error, now)
    }
    const { retryFirst, retryLongest } = this.#limits
    return backoff(++this.#failures, retryFirst, retryLongest)
  }

  #countCrash(error: unknown, now: number): void {
    if (now - this.#lastCrash > this.#limits.crashSpan) this.#crashes = 0
    this.#lastCrash = now
    if (this.#crashes++ === 0) this.#firstCrash = now
    if (this.#crashes < this.#limits.crashes || now - this.#firstCrash < this.#limits.crashSpan) return
    const cause = rootCause(error)
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HieraxError(
      'KAFKA_UNAVAILABLE',
      `The consumer crashed ${this.#crashes} times without progress, last: ${reason.slice(0, 300)}`,
      { cause: error }
    )
  }
}
