import { HieraxError } from '../../../errors.ts'
import type { BatchHandler, Source } from '../../types.ts'
import { ClusterView } from '../client/admin.ts'
import { createKafka } from '../client/client.ts'
import {
  debugOnly,
  type KafkaConnection,
  type KafkaLogger,
  kafkaProblem,
  protocolErrorType,
  reasonOf,
  rootCause
} from '../client/connection.ts'
import { FailureLog } from '../client/failure-log.ts'
import type { PartitionOffsets } from '../client/offsets.ts'
import { pause } from '../client/timing.ts'
import { CrashPolicy } from './crash-policy.ts'
import { defaultLimits, type SourceLimits } from './limits.ts'
import { ConsumerSession } from './session.ts'
import type { SourceEvents } from './source-events.ts'
import { BacklogGate, untilNextRefresh } from './topics/nights.ts'
import { TopicDiscovery, type TopicSelection } from './topics/topics.ts'

/** Options of the Kafka source. */
export interface KafkaSourceOptions extends Pick<TopicSelection, 'topics' | 'exclude' | 'programs' | 'publicPrograms'> {
  readonly connection: KafkaConnection
  readonly logger: KafkaLogger
  readonly group: string
  /**
   * Where a group without committed offsets starts: at the first message, with what arrives from now on, or with the first message that
   * has this Kafka timestamp or a later one (epoch ms). Topics that appear later are always read from the beginning.
   */
  readonly from: 'earliest' | 'latest' | number
  /** Number of earlier nights to read as well; default 2. */
  readonly nightsBack?: number
  /** `oldest-first` (default): newer nights wait while older ones lag. */
  readonly backlog?: 'oldest-first' | 'together'
  readonly clock?: TopicSelection['clock']
  readonly events?: SourceEvents
  readonly limits?: Partial<SourceLimits>
}

/** Whether the source works, with a reason that programs may compare. */
interface SourceHealth {
  readonly ready: boolean
  /**
   * `waiting for a topic` (ready), `retrying: CODE` (ready: the handler rejects), `not authorized to read TOPIC` (ready if
   * other topics are read), `not authorized to read as group GROUP`, `not authorized: NAME`, `credentials refused`, `wrong security settings`, `connecting`, `joining`, `rebalancing`, `crashed: NAME`,
   * `stopping`, `stopped`; null if the source is working.
   */
  readonly reason: string | null
}

/** If a consumer fetches nothing for this time (ms), the topics are looked up again: its topic may have been deleted. */
const stallTimeout = 5000

const waiting = 'waiting for a topic'

const noCoordinator = 'the input cluster names no coordinator of the group; it is starting; waiting'

const groupDenied = 'the right to read the group is missing on the input cluster; waiting until it is granted'

const refusals = {
  credentials: 'the input cluster refuses the credentials; waiting until it accepts them',
  authorization: 'the input cluster denies access; waiting until it is granted'
}

/**
 * A source that reads Kafka topics as a member of a consumer group; nothing is connected before `run`. It runs consumer
 * sessions one after the other: a new one whenever the set of topics changes (midnight UTC, a topic is created or
 * deleted) and after every crash.
 */
export class KafkaSource implements Source {
  readonly #options: KafkaSourceOptions
  readonly #logger: KafkaLogger
  readonly #events: SourceEvents
  readonly #limits: SourceLimits
  readonly #clock: TopicSelection['clock']
  readonly #cluster: ClusterView
  readonly #discovery: TopicDiscovery
  readonly #gate: BacklogGate
  readonly #crashes: CrashPolicy
  readonly #stopping = new AbortController()
  #session: ConsumerSession | null = null
  #topics: readonly string[] = []
  /** The topics that were logged last. */
  #logged = ''
  /** Those of them that may not be read now. */
  #denied: ReadonlySet<string> = new Set()
  readonly #topicIds = new Map<string, string>()
  /** The time of `from`, epoch ms; for `latest`, the time when the source began. */
  #since = 0
  /** Unless `from` is `earliest`, the topics that may have existed at the first lookup: a group without committed offsets reads them from that time on. */
  #fromTime: ReadonlySet<string> | null = null
  #reason: string | null = 'connecting'
  #retrying: string | null = null
  readonly #failures: FailureLog
  #running: Promise<void> | null = null

  constructor(options: KafkaSourceOptions) {
    const { connection, logger, group, nightsBack = 2, clock = Date, events = {} } = options
    this.#options = options
    this.#logger = logger
    this.#events = events
    this.#clock = clock
    this.#limits = { ...defaultLimits, ...options.limits }
    const kafka = createKafka(connection, debugOnly(logger), { initialRetryTime: 50, maxRetryTime: 200, retries: 2 })
    this.#cluster = new ClusterView(kafka, group, logger)
    this.#discovery = new TopicDiscovery({ ...options, nightsBack, clock }, this.#cluster, logger)
    this.#gate = new BacklogGate(this.#limits.backlogPatience)
    this.#failures = new FailureLog(logger)
    this.#crashes = new CrashPolicy(this.#limits, connection)
  }

  run(handler: BatchHandler): Promise<void> {
    if (this.#running !== null) throw new HieraxError('INTERNAL', 'a source runs once')
    const { from } = this.#options
    this.#since = typeof from === 'number' ? from : Date.now()
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
    const [denied] = [...this.#denied, ...this.#discovery.denied()]
    if (denied === undefined) return { ready: true, reason: this.#retrying }
    const isReading = this.#topics.some(topic => !this.#denied.has(topic))
    return { ready: isReading, reason: `not authorized to read ${denied}` }
  }

  /** Topics that are subscribed at present. */
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
      this.#topics = await this.#findTopics()
      this.#events.onTopics?.(this.#topics)
      this.#crashes.reached()
    } catch (error) {
      await this.#pauseAfter(error, 'connecting', 'the input cluster does not answer, retrying')
      return
    }
    this.#fromTime ??= new Set(this.#options.from === 'earliest' ? [] : this.#discovery.known())
    if (this.#topics.length === 0) {
      const [denied] = this.#discovery.denied()
      if (denied !== undefined) this.#reason = `not authorized to read ${denied}`
      else if (this.#reason !== waiting) this.#logger.info({}, 'none of the input topics exists yet; waiting')
      if (denied === undefined) this.#reason = waiting
      await pause(this.#untilNextRefresh(), this.#stopping.signal)
      return
    }
    await this.#runSession(handler, this.#fromTime)
  }

  async #findTopics(): Promise<readonly string[]> {
    const topics = await this.#discovery.refresh()
    this.#events.onTopicStates?.(this.#discovery.counts())
    if (this.#discovery.denied().length > 0) this.#events.onRefused?.('authorization')
    return topics
  }

  async #runSession(handler: BatchHandler, fromTime: ReadonlySet<string>): Promise<void> {
    const topics = this.#topics
    const isNew = String(topics) !== this.#logged
    this.#logged = String(topics)
    this.#logger[isNew ? 'info' : 'debug']({ topics }, 'subscribing')
    const session = new ConsumerSession({
      connection: this.#options.connection,
      group: this.#options.group,
      logger: this.#logger,
      events: this.#events,
      limits: this.#limits,
      topics,
      fromTime,
      since: this.#since,
      topicIds: this.#topicIds,
      readOffsets: topics => this.#cluster.offsets(topics),
      offsetsAt: (topic, time) => this.#cluster.offsetsAt(topic, time),
      heldTopics: offsets => this.#heldTopics(topics, offsets),
      handler,
      onDenied: denied => {
        this.#denied = denied
      },
      onJoined: () => {
        this.#crashes.joined()
        this.#failures.ended({ brokers: this.#options.connection.brokers }, 'the input cluster can be read again')
      },
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
    const crash = await Promise.race([
      session.crashed,
      session.outdated,
      stopped,
      this.#untilTopicsChange(session, ended.signal)
    ])
    this.#stopping.signal.removeEventListener('abort', end)
    end()
    await session.close()
    this.#session = null
    this.#denied = new Set()
    if (crash === null) return
    const cause = rootCause(crash)
    const name = cause instanceof Error ? cause.name : 'Error'
    this.#events.onRestart?.(name)
    await this.#pauseAfter(crash, `crashed: ${name}`, 'the consumer crashed, restarting')
  }

  #heldTopics(topics: readonly string[], offsets: readonly PartitionOffsets[]): ReadonlySet<string> {
    if (this.#options.backlog === 'together') return new Set()
    const { heldTopics, givenUp } = this.#gate.decide(topics, offsets, performance.now())
    for (const fields of givenUp)
      this.#logger.warn(fields, 'a night makes no progress; later nights no longer wait for it')
    return heldTopics
  }

  /** Resolves when the session has ended, or when the topics to read are no longer those of the session. */
  async #untilTopicsChange(session: ConsumerSession, ended: AbortSignal): Promise<null> {
    while (!ended.aborted) {
      await this.#untilRefreshIsDue(session, ended)
      if (ended.aborted) return null
      try {
        const topics = await this.#findTopics()
        if (topics.length !== this.#topics.length || topics.some(topic => !this.#topics.includes(topic))) return null
      } catch (error) {
        // The consumer retries by itself while the cluster is unreachable.
        this.#logger.debug({ reason: String(error) }, 'topics could not be looked up')
      }
    }
    return null
  }

  /** Waits until the next regular refresh, or until the session stalls, because its topic may have been deleted. */
  async #untilRefreshIsDue(session: ConsumerSession, ended: AbortSignal): Promise<void> {
    for (let left = this.#untilNextRefresh(); left > 0; left -= stallTimeout) {
      await pause(Math.min(left, stallTimeout), ended)
      if (ended.aborted || session.stalled(stallTimeout)) return
    }
  }

  #untilNextRefresh(): number {
    return untilNextRefresh(this.#clock.now(), this.#limits.listInterval)
  }

  /** Waits after a failure. `reason` and `message` are used if the cluster does not name the failure. */
  async #pauseAfter(error: unknown, reason: string, message: string): Promise<void> {
    const problem = kafkaProblem(error)
    const refusal = problem === 'credentials' || problem === 'authorization' ? problem : null
    if (refusal !== null) this.#events.onRefused?.(refusal)
    this.#reason = reason
    if (problem === 'security') this.#reason = 'wrong security settings'
    if (refusal === 'credentials') this.#reason = 'credentials refused'
    const { connection, group } = this.#options
    const type = protocolErrorType(error)
    const isGroupDenied = type === 'GROUP_AUTHORIZATION_FAILED'
    if (refusal === 'authorization')
      this.#reason = isGroupDenied ? `not authorized to read as group ${group}` : `not authorized: ${type}`
    const ms = this.#crashes.failed(error, performance.now())
    const isUnnamed = (rootCause(error) as Error).name === 'KafkaJSGroupCoordinatorNotFound'
    const named = isGroupDenied ? groupDenied : refusal === null ? message : refusals[refusal]
    const said = isUnnamed ? noCoordinator : named
    this.#failures.failed({ reason: reasonOf(error, connection), brokers: connection.brokers, group, pause: ms }, said)
    await pause(ms, this.#stopping.signal)
  }
}
