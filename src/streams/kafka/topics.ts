import type { ClusterView, TopicState } from './admin.ts'
import type { ResolvedOptions } from './source-options.ts'

/** Milliseconds of a UTC day. */
const day = 86_400_000

/** Options of the nightly topics. */
export interface NightlyOptions {
  /** Survey programmes; each night has one topic for each. */
  readonly programs: readonly number[]
  /** How many nights before the present one are read. */
  readonly nightsBack: number
}

/**
 * Names of the topics that may hold alerts at `now` (epoch ms): `ztf_YYYYMMDD_programid{P}`, one per UTC night and
 * programme, oldest night first. A night straddles midnight UTC, so earlier ones are read as well.
 */
export function nightlyTopics(now: number, { programs, nightsBack }: NightlyOptions): string[] {
  const nights = Array.from({ length: nightsBack + 1 }, (_, i) => now - (nightsBack - i) * day)
  return nights.flatMap(time => {
    const night = new Date(time).toISOString().slice(0, 10).replaceAll('-', '')
    return programs.map(program => `ztf_${night}_programid${program}`)
  })
}

/** The night (`YYYYMMDD`) in a topic's name; null when it is not a nightly topic. */
export function nightOf(topic: string): string | null {
  return /^ztf_(\d{8})_programid\d+$/.exec(topic)?.[1] ?? null
}

/**
 * Milliseconds from `now` (epoch ms) to the next refresh of the topics: the next whole multiple of `interval`, or
 * midnight UTC when it comes first. All members of a group thus change topics at the same time, which takes only one rebalance.
 */
export function untilNextRefresh(now: number, interval: number): number {
  return Math.min(interval - (now % interval), day - (now % day))
}

/** Consecutive refreshes after which a dead topic is dropped. During leader elections a topic looks dead for a short time. */
const deadRefreshes = 2

/** Finds the topics to subscribe to: the configured ones that exist and can be read. It never creates topics. */
export class TopicDiscovery {
  readonly #options: ResolvedOptions
  readonly #cluster: Pick<ClusterView, 'topicStates'>
  #states: ReadonlyMap<string, TopicState> = new Map()
  readonly #dead = new Map<string, number>()
  #subscribed: readonly string[] = []

  constructor(options: ResolvedOptions, cluster: Pick<ClusterView, 'topicStates'>) {
    this.#options = options
    this.#cluster = cluster
  }

  /** Topics to subscribe to now, oldest night first. Rejects if the cluster does not answer. */
  async refresh(): Promise<readonly string[]> {
    const { topics, clock } = this.#options
    const configured = topics === 'nightly' ? nightlyTopics(clock.now(), this.#options) : topics
    const states = await this.#cluster.topicStates(configured)
    this.#logChanges(states)
    this.#subscribed = configured.filter(topic => this.#isUsable(topic, states.get(topic)))
    return this.#subscribed
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
    const { logger } = this.#options
    for (const [topic, state] of states) {
      if (this.#states.get(topic) === state) continue
      if (state === 'dead') logger.warn({ topic }, 'a partition of the topic has no leader; the topic is skipped')
      else if (state === 'denied') logger.warn({ topic }, 'not authorized to read the topic; the topic is skipped')
      else logger.debug({ topic, state }, 'topic state')
    }
    this.#states = states
  }
}

/** True if both lists have the same topics. */
export function sameTopics(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every(topic => b.includes(topic))
}
