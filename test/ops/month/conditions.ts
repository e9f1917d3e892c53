/** What surrounds the service at a time: the survey, the clusters, the store and the machine. */
export interface Conditions {
  /** Alerts that the survey sends in an hour. */
  readonly alertsPerHour: number
  /** Share of packets that cannot be decoded. */
  readonly unreadable: number
  /** Share of alerts with a low real-bogus score. */
  readonly bogus: number
  /** Shares of the nodes that the classifier predicts. */
  readonly classes: Readonly<Record<string, number>>
  /** Share of light curves with a novelty of .99. */
  readonly unfamiliar: number
  /** Share of history points with impossible values. */
  readonly invalidPoints: number
  /** Time from exposure to arrival, hours. */
  readonly ageHours: number
  /** Alerts that a process can consume in an hour. */
  readonly capacity: number
  readonly inputReady: boolean
  /** `input.topics` names one topic, which does not exist. */
  readonly misnamed: boolean
  readonly outputReady: boolean
  readonly storeReady: boolean
  /** Partitions that no process owns. */
  readonly unread: readonly number[]
  /** Partitions whose batches fail. */
  readonly stuck: readonly number[]
  /** Processes that do not answer. */
  readonly down: readonly string[]
  /** False where Prometheus has lost its targets. */
  readonly scraped: boolean
  /** A process that all partitions are moved to, if there is one. */
  readonly owner: string | null
  /** Somebody moves the group to the end of its topics. */
  readonly backlogSkipped: boolean
  /** Error of the clock of process a, seconds. */
  readonly clockOff: number
  readonly tensors: number
  /** What the disk holds besides the store, bytes. */
  readonly otherFiles: number
  /** Events in an hour, at process a. */
  readonly starts: number
  readonly workerEnds: number
  readonly consumerEnds: number
  readonly damagedRecords: number
  readonly expired: number
  readonly topicsRecreated: number
  readonly invalidTimestamps: number
  /** Requests that the input cluster refuses in an hour, at process a. */
  readonly refusals: number
}

/** A part of the month in which conditions differ, and the alerts that it must raise. */
export interface Episode {
  readonly title: string
  /** Day of the month from 0, and hour (UTC). */
  readonly day: number
  readonly hour: number
  readonly hours: number
  readonly change: Partial<Conditions>
  /** Every rule that fires because of it. */
  readonly alerts?: readonly string[]
}

export const hour = 3_600_000
export const day = 24 * hour
/** Midnight (UTC) at the beginning of the month. */
export const monthStart = Date.UTC(2026, 2, 1)

export const startOf = (episode: Episode): number => monthStart + episode.day * day + episode.hour * hour
export const endOf = (episode: Episode): number => startOf(episode) + episode.hours * hour

/** Whether the survey observes: from 03 to 13 UTC. */
export function isNight(time: number): boolean {
  const hours = (time % day) / hour
  return hours >= 3 && hours < 13
}

/** The conditions of a clear night, with a class mix that varies from night to night. */
function usual(time: number): Conditions {
  const swing = 0.1 * Math.sin((time - monthStart) / day)
  return {
    alertsPerHour: isNight(time) ? 640 : 0,
    unreadable: 0,
    bogus: 0.15,
    classes: { Stellar: 0.6 + swing, AGN: 0.25 - swing, 'SN Ia': 0.1, 'SN II': 0.05 },
    unfamiliar: 0.08,
    invalidPoints: 0.002,
    ageHours: 0.4,
    capacity: 20_000,
    inputReady: true,
    misnamed: false,
    outputReady: true,
    storeReady: true,
    unread: [],
    stuck: [],
    down: [],
    scraped: true,
    owner: null,
    backlogSkipped: false,
    clockOff: 0.05,
    tensors: 120,
    otherFiles: 0,
    starts: 0,
    workerEnds: 0,
    consumerEnds: 0,
    damagedRecords: 0,
    expired: 0,
    topicsRecreated: 0,
    invalidTimestamps: 0,
    refusals: 0
  }
}

/** The conditions at `time` (epoch ms); a later episode overrides an earlier one. */
export function conditionsAt(time: number, episodes: readonly Episode[]): Conditions {
  const active = episodes.filter(episode => time >= startOf(episode) && time < endOf(episode))
  return Object.assign({}, usual(time), ...active.map(({ change }) => change))
}
