import { keyOf, lagOf, type PartitionOffsets, position } from '../../client/offsets.ts'

/** Milliseconds of a UTC day. */
const day = 86_400_000

/** Which nights' topics are read. */
export interface NightlyOptions {
  /** Survey programmes; each night has one topic for each. */
  readonly programs: readonly number[]
  /** Survey programmes whose public part has a separate topic each night. */
  readonly publicPrograms?: readonly number[]
  /** How many nights before the current one are read. */
  readonly nightsBack: number
}

/**
 * Names of the topics that may hold alerts at `now` (epoch ms): `ztf_YYYYMMDD_programid{P}`, one per UTC night and
 * programme, and `ztf_YYYYMMDD_programid{P}_public` of public programmes, oldest night first. A night straddles midnight UTC, so earlier
 * nights are read as well.
 */
export function nightlyTopics(now: number, { programs, publicPrograms = [], nightsBack }: NightlyOptions): string[] {
  const suffixes = [...programs.map(program => `${program}`), ...publicPrograms.map(program => `${program}_public`)]
  const nights = Array.from({ length: nightsBack + 1 }, (_, i) => now - (nightsBack - i) * day)
  return nights.flatMap(time => {
    const night = new Date(time).toISOString().slice(0, 10).replaceAll('-', '')
    return suffixes.map(suffix => `ztf_${night}_programid${suffix}`)
  })
}

/** The night (`YYYYMMDD`) in a topic's name; null when it is not a nightly topic. */
export function nightOf(topic: string): string | null {
  return /^ztf_(\d{8})_programid\d+(?:_public)?$/.exec(topic)?.[1] ?? null
}

/**
 * Milliseconds from `now` (epoch ms) to the next refresh of the topics: the next whole multiple of `interval`, or
 * midnight UTC when it comes first. All members of a group thus change topics at the same time, which takes only one rebalance.
 */
export function untilNextRefresh(now: number, interval: number): number {
  return Math.min(interval - (now % interval), day - (now % day))
}

/** The topics that wait, and the nights that this decision gives up: later nights no longer wait for them, although they lag. */
export interface BacklogDecision {
  readonly heldTopics: ReadonlySet<string>
  readonly givenUp: readonly { readonly night: string; readonly lag: number }[]
}

/** State of a night that is behind. */
interface Behind {
  /** High watermarks when the wait began: the night has caught up once they are passed. Null while unknown. */
  targets: ReadonlyMap<string, bigint> | null
  lag: number
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
  readonly #patience: number
  readonly #reclose: number
  readonly #behind = new Map<string, Behind>()
  /** Nights that caught up or were given up; they hold back others again only when far behind. */
  readonly #done = new Set<string>()

  /**
   * @param patience if the lag of a night does not shrink for this time (ms), later nights no longer wait for it
   * @param reclose later nights wait again for a night that had caught up if it lags by more than this number of messages
   */
  constructor(patience = 120_000, reclose = 10_000) {
    this.#patience = patience
    this.#reclose = reclose
  }

  /** Decides for the subscribed `topics`, given the group's known offsets, at `now` (ms of a steady clock). */
  decide(topics: readonly string[], offsets: readonly PartitionOffsets[], now: number): BacklogDecision {
    const nights = [...new Set(topics.map(nightOf).filter(night => night !== null))].sort()
    for (const night of [...this.#behind.keys(), ...this.#done]) if (!nights.includes(night)) this.#forget(night)
    const givenUp: { night: string; lag: number }[] = []
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
      if (lag <= this.#reclose) return false
      this.#done.delete(night)
    }
    const behind = this.#behind.get(night) ?? { targets: null, lag, progress: now }
    if (partitions.length > 0) {
      const targets = behind.targets ?? new Map(partitions.map(p => [keyOf(p), p.high]))
      behind.targets = targets
      if (partitions.every(p => position(p) >= (targets.get(keyOf(p)) ?? 0n))) return this.#finish(night)
    }
    if (lag < behind.lag) behind.progress = now
    behind.lag = lag
    this.#behind.set(night, behind)
    if (now - behind.progress < this.#patience) return true
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

function totalLag(partitions: readonly PartitionOffsets[]): number {
  return partitions.reduce((sum, partition) => sum + lagOf(partition), 0)
}
