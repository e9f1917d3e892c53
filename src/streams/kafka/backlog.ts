import type { PartitionOffsets } from './admin.ts'
import { nightOf } from './topics.ts'

/** Settings of the gate. */
export interface BacklogOptions {
  /** If the lag of a night does not shrink for this time (ms), later nights no longer wait for it. */
  readonly patience: number
  /** Later nights wait again for a night that had caught up if it lags by more than this number of messages. */
  readonly reclose: bigint
}

/** A night for which later nights no longer wait although it lags. */
interface GivenUp {
  readonly night: string
  readonly lag: bigint
}

/** The topics that wait, and the nights that were given up in this decision. */
export interface BacklogDecision {
  readonly heldTopics: ReadonlySet<string>
  readonly givenUp: readonly GivenUp[]
}

/** State of a night that is behind. */
interface Behind {
  /** High watermarks when the wait began: the night has caught up once they are passed. Null while unknown. */
  targets: ReadonlyMap<string, bigint> | null
  lag: bigint
  /** When the lag shrank last, ms of a steady clock. */
  progress: number
}

/**
 * Decides which nights wait while older ones lag, so that alerts are read nearly in time order.
 *
 * The lag is that of the whole group (committed offsets against high watermarks), so that a member that owns only newer
 * partitions waits as well. The wait for a night ends when it reaches the high watermarks from the beginning of the wait, even if
 * late alerts still arrive. A night without progress, or with unreadable offsets, is given up after `patience`.
 */
export class BacklogGate {
  readonly #options: BacklogOptions
  readonly #behind = new Map<string, Behind>()
  /** Nights that caught up or were given up; they hold back others again only when far behind. */
  readonly #done = new Set<string>()

  constructor(options: BacklogOptions = { patience: 120_000, reclose: 10_000n }) {
    this.#options = options
  }

  /** Decides for the subscribed `topics`, given the group's known offsets, at `now` (ms of a steady clock). */
  decide(topics: readonly string[], offsets: readonly PartitionOffsets[], now: number): BacklogDecision {
    const nights = [...new Set(topics.map(nightOf).filter(night => night !== null))].sort()
    for (const night of [...this.#behind.keys(), ...this.#done]) if (!nights.includes(night)) this.#forget(night)
    const givenUp: GivenUp[] = []
    // Nothing waits for the newest night.
    const blocking = nights.slice(0, -1).find(night => {
      const partitions = offsets.filter(({ topic }) => nightOf(topic) === night)
      const blocks = this.#blocks(night, partitions, now)
      if (blocks === 'given up') givenUp.push({ night, lag: totalLag(partitions) })
      return blocks === true
    })
    const isHeld = (topic: string) => blocking !== undefined && (nightOf(topic) ?? '') > blocking
    return { heldTopics: new Set(topics.filter(isHeld)), givenUp }
  }

  #blocks(night: string, partitions: readonly PartitionOffsets[], now: number): boolean | 'given up' {
    const lag = totalLag(partitions)
    if (this.#done.has(night)) {
      if (lag <= this.#options.reclose) return false
      this.#done.delete(night)
    }
    const behind = this.#behind.get(night) ?? { targets: null, lag, progress: now }
    if (partitions.length > 0) {
      behind.targets ??= new Map(partitions.map(p => [`${p.topic}/${p.partition}`, p.high]))
      if (reached(behind.targets, partitions)) return this.#finish(night)
    }
    if (lag < behind.lag) behind.progress = now
    behind.lag = lag
    this.#behind.set(night, behind)
    if (now - behind.progress < this.#options.patience) return true
    this.#finish(night)
    return 'given up'
  }

  #finish(night: string): false {
    this.#behind.delete(night)
    this.#done.add(night)
    return false
  }

  #forget(night: string): void {
    this.#behind.delete(night)
    this.#done.delete(night)
  }
}

/** Where the group resumes: at its committed offset, or at the first message that is still retained. */
export function position({ committed, low }: PartitionOffsets): bigint {
  return committed === null || committed < low ? low : committed
}

/** Messages of one partition that the group has not handled yet. */
export function lagOf(offsets: PartitionOffsets): bigint {
  const lag = offsets.high - position(offsets)
  return lag > 0n ? lag : 0n
}

function reached(targets: ReadonlyMap<string, bigint>, partitions: readonly PartitionOffsets[]): boolean {
  return partitions.every(p => position(p) >= (targets.get(`${p.topic}/${p.partition}`) ?? 0n))
}

function totalLag(partitions: readonly PartitionOffsets[]): bigint {
  return partitions.reduce((sum, partition) => sum + lagOf(partition), 0n)
}
