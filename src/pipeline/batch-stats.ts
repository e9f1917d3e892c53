import type { Admitted } from '../alerts/admission.ts'
import type { Alert } from '../alerts/alert.ts'
import type { HieraxError } from '../errors.ts'
import { timeOfJd } from '../julian-date.ts'
import type { LightCurve } from '../lightcurves/curve/light-curve.ts'
import { maxPoints } from '../lightcurves/curve/merge.ts'
import type { Addition } from '../lightcurves/store.ts'
import type { Classification, Reason } from '../messages/classification.ts'
import type { InputMessage, OutputMessage } from '../streams/types.ts'
import type { PendingAnswer } from './pending-answers.ts'

/** The stages of the pipeline whose time is measured. */
export const stages = ['decode', 'store', 'classify', 'encode', 'publish'] as const
export type Stage = (typeof stages)[number]

/**
 * Why a photometric point was dropped: `program`: its programme is not admitted; `future`: it is not older than its alert; `invalid`:
 * it has impossible values; `limit`: its object already has the maximum number of points.
 */
export const dropReasons = ['program', 'future', 'invalid', 'limit'] as const
export type PointDropReason = (typeof dropReasons)[number]

/** Counts and times of one batch, for metrics. `classified`, `notClassified` and `deadLetters` add up to `consumed`. */
export interface BatchStats {
  readonly stageSeconds: Record<Stage, number>
  /** Alerts by input topic. A packet may hold several; one that becomes a dead letter counts once. */
  readonly consumed: Map<string, number>
  classified: number
  readonly notClassified: Map<Reason, number>
  /** The classifications of all models, without those that are reissued. */
  readonly classifications: Classification[]
  readonly deadLetters: { readonly error: HieraxError; readonly topic: string; readonly source: string }[]
  /** Messages by output topic. */
  readonly published: Map<string, number>
  /** Messages to topics of routes. `probability`: the one that met the route's condition; null if the route has no such condition. */
  readonly routed: (NonNullable<OutputMessage['route']> & { readonly topic: string; readonly retracted: boolean })[]
  /** All photometric points in the packets, including those that were dropped. */
  points: number
  readonly droppedPoints: Record<PointDropReason, number>
  forcedPhotometry: number
  lateAlerts: number
  reissuedAnswers: number
  /** Seconds from the arrival of each alert to the acknowledgement of its classification. */
  readonly ingestToPublish: number[]
  /** Seconds from the exposure of each alert to the acknowledgement of its classification. */
  readonly alertAges: number[]
}

/** Stats in which all counts are zero. */
export function emptyStats(): BatchStats {
  return {
    stageSeconds: { decode: 0, store: 0, classify: 0, encode: 0, publish: 0 },
    consumed: new Map(),
    classified: 0,
    notClassified: new Map(),
    classifications: [],
    deadLetters: [],
    published: new Map(),
    routed: [],
    points: 0,
    droppedPoints: { program: 0, future: 0, invalid: 0, limit: 0 },
    forcedPhotometry: 0,
    lateAlerts: 0,
    reissuedAnswers: 0,
    ingestToPublish: [],
    alertAges: []
  }
}

/** Runs a stage and adds its duration to the stats. */
export async function timed<T>({ stageSeconds }: BatchStats, stage: Stage, work: () => Promise<T>): Promise<T> {
  const began = performance.now()
  try {
    return await work()
  } finally {
    stageSeconds[stage] += (performance.now() - began) / 1000
  }
}

/** Counts the points of a packet that are not used. */
export function countDecoded(stats: BatchStats, alert: Alert, admitted: Admitted): void {
  const { future, invalid } = alert.dropped
  stats.forcedPhotometry += alert.forcedPhotometry
  stats.points += admitted.observations.length + admitted.droppedPoints + future + invalid
  stats.droppedPoints.future += future
  stats.droppedPoints.invalid += invalid
  stats.droppedPoints.program += admitted.droppedPoints
}

/** Counts the points that were dropped because their object already has the maximum number of points. */
export function countMerged({ droppedPoints }: BatchStats, { observations }: Addition, curve: LightCurve): void {
  if (curve.length < maxPoints) return
  for (const { jd, fid } of observations) if (!holds(curve, jd, fid)) droppedPoints.limit++
}

/** Counts a message that becomes a dead letter. */
export function countDeadLetter(stats: BatchStats, error: HieraxError, { topic, source }: InputMessage): void {
  stats.deadLetters.push({ error, topic, source })
  increment(stats.consumed, topic)
}

/**
 * Counts the outcome of every alert once, from the classifications of the first model, and keeps the classifications of all models. Call it
 * when all messages are acknowledged, because it also measures the delays. Reissued classifications are counted separately.
 */
export function countOutcomes(
  stats: BatchStats,
  pending: readonly PendingAnswer[],
  ofModels: readonly (readonly Classification[])[]
): void {
  const now = Date.now()
  for (const [index, { kind, record, origin }] of pending.entries()) {
    if (kind === 'reissued') {
      stats.reissuedAnswers++
      continue
    }
    if (kind === 'late') stats.lateAlerts++
    for (const classifications of ofModels) stats.classifications.push(classifications[index] as Classification)
    const reason = ofModels[0]?.[index]?.reason ?? null
    if (reason === null) stats.classified++
    else increment(stats.notClassified, reason)
    increment(stats.consumed, origin.topic)
    stats.ingestToPublish.push(Math.max(0, (now - origin.ingested) / 1000))
    stats.alertAges.push((now - timeOfJd(record.jd)) / 1000)
  }
}

/** Counts acknowledged messages. */
export function countPublished({ published, routed }: BatchStats, messages: readonly OutputMessage[]): void {
  for (const { topic, headers, route } of messages) {
    increment(published, topic)
    if (route) routed.push({ ...route, topic, retracted: 'retracted' in headers })
  }
}

function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** Whether a light curve has a point at this time in this filter. */
function holds(curve: LightCurve, jd: number, fid: number): boolean {
  let low = 0
  let high = curve.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (curve.jd(middle) < jd) low = middle + 1
    else high = middle
  }
  for (; low < curve.length && curve.jd(low) === jd; low++) if (curve.at(low).fid === fid) return true
  return false
}
