/** Milliseconds of a UTC day. */
const day = 86_400_000

/** Options of the nightly topics. */
export interface NightlyOptions {
  /** Survey programmes, one topic each and night. */
  readonly programs: readonly number[]
  /** How many nights before the present one stay in the window. */
  readonly nightsBack: number
}

/**
 * Names of the topics in which alerts may be at `now` (epoch ms): `ztf_YYYYMMDD_programid{P}`, one per UTC night and
 * programme, oldest night first. A night straddles midnight UTC, hence the nights back.
 */
export function nightlyTopics(now: number, { programs, nightsBack }: NightlyOptions): string[] {
  const nights = Array.from({ length: nightsBack + 1 }, (_, i) => now - (nightsBack - i) * day)
  return nights.flatMap(time => programs.map(program => `ztf_${night(time)}_programid${program}`))
}

/** The night (`YYYYMMDD`) that a topic's name states; null where it is not the name of a nightly topic. */
export function nightOf(topic: string): string | null {
  return /^ztf_(\d{8})_programid\d+$/.exec(topic)?.[1] ?? null
}

/**
 * Milliseconds from `now` (epoch ms) to the next time to look for topics: the next whole multiple of `interval`, or
 * midnight UTC when it comes first. Members of a group thus look, and change over, at the same time: one rebalance.
 */
export function untilNextLook(now: number, interval: number): number {
  return Math.min(interval - (now % interval), day - (now % day))
}

function night(time: number): string {
  return new Date(time).toISOString().slice(0, 10).replaceAll('-', '')
}
