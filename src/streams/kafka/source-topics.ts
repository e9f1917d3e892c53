import { nightlyTopics } from './nights.ts'
import type { ClusterView, TopicState } from './source-cluster.ts'
import type { ResolvedOptions } from './source-options.ts'

/** Looks in a row in which a subscribed topic must be dead before it is dropped: elections make it look so briefly. */
const deadLooks = 2

/**
 * Which topics to subscribe: those of the wanted ones that exist and can be read. None is ever created.
 */
export class TopicWatch {
  readonly #options: ResolvedOptions
  readonly #cluster: ClusterView
  readonly #states = new Map<string, TopicState>()
  readonly #dead = new Map<string, number>()
  #subscribed: readonly string[] = []

  constructor(options: ResolvedOptions, cluster: ClusterView) {
    this.#options = options
    this.#cluster = cluster
  }

  /** Topics to subscribe now, oldest night first. Rejects when the cluster does not answer. */
  async look(): Promise<readonly string[]> {
    const wanted = this.#wanted()
    const states = await this.#cluster.topicStates(wanted)
    this.#note(states)
    this.#subscribed = wanted.filter(topic => this.#usable(topic, states.get(topic)))
    return this.#subscribed
  }

  #wanted(): readonly string[] {
    const { topics, programs, nightsBack, clock } = this.#options
    return topics === 'nightly' ? nightlyTopics(clock.now(), { programs, nightsBack }) : topics
  }

  #usable(topic: string, state: TopicState | undefined): boolean {
    if (state !== 'dead') {
      this.#dead.delete(topic)
      return state === 'present'
    }
    const looks = (this.#dead.get(topic) ?? 0) + 1
    this.#dead.set(topic, looks)
    return this.#subscribed.includes(topic) && looks < deadLooks
  }

  #note(states: ReadonlyMap<string, TopicState>): void {
    const { logger } = this.#options
    for (const [topic, state] of states) {
      if (this.#states.get(topic) === state) continue
      if (state === 'dead') logger.warn({ topic }, 'a partition of the topic has no leader: it is left out')
      else if (state === 'denied') logger.warn({ topic }, 'reading the topic is not permitted: it is left out')
      else logger.debug({ topic, state }, 'state of a topic')
    }
    this.#states.clear()
    for (const [topic, state] of states) this.#states.set(topic, state)
  }
}

/** True when both lists hold the same topics. */
export function sameTopics(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every(topic => b.includes(topic))
}
