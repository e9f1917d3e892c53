import { isPattern, matchesTopic } from '../../../../topic-patterns.ts'
import type { ClusterView, TopicState } from '../../client/admin.ts'
import type { KafkaLogger } from '../../client/connection.ts'
import { MissingTopics } from './missing-topics.ts'
import { type NightlyOptions, nightlyTopics } from './nights.ts'

/** Selects the topics to read. */
export interface TopicSelection extends NightlyOptions {
  /** `nightly`, or names and patterns (`topic-patterns.ts`). The source waits for topics that do not exist yet. */
  readonly topics: 'nightly' | readonly string[]
  /** Topics that no pattern matches: those that Hierax writes. */
  readonly exclude?: readonly string[]
  /** The wall clock, which determines the current night; tests pass their own. */
  readonly clock: Pick<DateConstructor, 'now'>
}

/**
 * State of an input topic: `read`; `missing`: its name has no date, and it does not exist; `absent`: a topic of a night that does not exist,
 * because the survey has not sent it yet or it has expired; `dead`: a partition has no leader; `denied`: it may not be read.
 */
export const inputTopicStates = ['read', 'missing', 'absent', 'dead', 'denied'] as const
export type InputTopicState = (typeof inputTopicStates)[number]

/** Whether the name of a topic holds a date: such topics come and go. */
const isDated = (topic: string) => /\d{8}|\d{4}-\d\d-\d\d/.test(topic)

/** Consecutive refreshes after which a dead topic is dropped. During leader elections a topic looks dead for a short time. */
const deadRefreshes = 2

/** Finds the topics to subscribe to: the configured ones that exist and can be read. It never creates topics. */
export class TopicDiscovery {
  readonly #selection: TopicSelection
  readonly #cluster: Pick<ClusterView, 'topicStates' | 'topicNames'>
  readonly #logger: KafkaLogger
  readonly #missing: MissingTopics
  #states: ReadonlyMap<string, TopicState> = new Map()
  readonly #dead = new Map<string, number>()
  #subscribed: readonly string[] = []

  constructor(
    selection: TopicSelection,
    cluster: Pick<ClusterView, 'topicStates' | 'topicNames'>,
    logger: KafkaLogger
  ) {
    this.#selection = selection
    this.#cluster = cluster
    this.#logger = logger
    this.#missing = new MissingTopics(logger)
  }

  /** Topics to subscribe to now, oldest night first. Rejects if the cluster does not answer. */
  async refresh(): Promise<readonly string[]> {
    const configured = await this.#configured()
    const states = await this.#cluster.topicStates(configured)
    this.#logChanges(states)
    this.#subscribed = configured.filter(topic => this.#isUsable(topic, states.get(topic)))
    this.#missing.update(this.#inState('missing'), this.#selection.clock.now())
    return this.#subscribed
  }

  /** Number of configured topics by state, at the last refresh. */
  counts(): Record<InputTopicState, number> {
    const counts = inputTopicStates.map(state => [state, this.#inState(state).length])
    return Object.fromEntries(counts)
  }

  /** Configured topics that may exist, readable or not, at the last refresh. */
  known(): string[] {
    return [...this.#states].filter(([, state]) => state !== 'absent').map(([topic]) => topic)
  }

  /** Configured topics that may not be read. */
  denied(): string[] {
    return this.#inState('denied')
  }

  #inState(wanted: InputTopicState): string[] {
    return [...this.#states.keys()].filter(topic => this.#stateOf(topic) === wanted)
  }

  #stateOf(topic: string): InputTopicState {
    if (this.#subscribed.includes(topic)) return 'read'
    const state = this.#states.get(topic)
    if (state === 'dead' || state === 'denied') return state
    const { topics } = this.#selection
    return topics !== 'nightly' && topics.includes(topic) && !isDated(topic) ? 'missing' : 'absent'
  }

  /** Names of the topics that are to be read, whether they exist or not. */
  async #configured(): Promise<readonly string[]> {
    const { topics, clock, exclude = [] } = this.#selection
    if (topics === 'nightly') return nightlyTopics(clock.now(), this.#selection)
    if (!topics.some(isPattern)) return topics
    const existing = (await this.#cluster.topicNames()).filter(name => !exclude.includes(name)).sort()
    const named = topics.flatMap(topic =>
      isPattern(topic) ? existing.filter(name => matchesTopic(topic, name)) : [topic]
    )
    return [...new Set(named)]
  }

  #isUsable(topic: string, state: TopicState | undefined): boolean {
    if (state !== 'dead') {
      this.#dead.delete(topic)
      return state === 'present'
    }
    const refreshes = (this.#dead.get(topic) ?? 0) + 1
    this.#dead.set(topic, refreshes)
    return this.#subscribed.includes(topic) && refreshes < deadRefreshes
  }

  #logChanges(states: ReadonlyMap<string, TopicState>): void {
    for (const [topic, state] of states) {
      if (this.#states.get(topic) === state) continue
      if (state === 'dead') this.#logger.warn({ topic }, 'a partition of the topic has no leader; the topic is skipped')
      else if (state === 'denied')
        this.#logger.warn({ topic }, 'not authorized to read the topic; the topic is skipped')
      else this.#logger.debug({ topic, state }, 'topic state')
    }
    this.#states = states
  }
}
