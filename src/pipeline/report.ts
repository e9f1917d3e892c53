import type { Admitted } from '../alerts/admission.ts'
import type { Alert } from '../alerts/alert.ts'
import type { ErrorCode, HieraxError } from '../errors.ts'
import type { LightCurve } from '../lightcurves/light-curve.ts'
import { maxPoints } from '../lightcurves/limits.ts'
import type { Addition } from '../lightcurves/stores/store.ts'
import type { Classification, Reason } from '../messages/classification.ts'
import type { InputMessage, OutputMessage } from '../streams/types.ts'
import type { Due } from './due.ts'

/** The stages of the pipeline whose time is measured. */
export const stages = ['decode', 'store', 'classify', 'encode', 'publish'] as const
export type Stage = (typeof stages)[number]

/** Why a photometric point was left out. */
export type PointDropReason = 'program' | 'future' | 'invalid' | 'limit'

const julianDateOfEpoch = 2440587.5
const msPerDay = 86_400_000

/** What became of a batch: all that metrics and logs want to know, counted as it happens. */
export class BatchReport {
  /** Alerts (records) by topic; a message that was refused counts as one. */
  readonly consumed = new Map<string, number>()
  readonly stageSeconds: Record<Stage, number> = { decode: 0, store: 0, classify: 0, encode: 0, publish: 0 }
  readonly notClassified = new Map<Reason, number>()
  readonly deadLetters: { readonly error: HieraxError; readonly topic: string; readonly source: string }[] = []
  readonly droppedPoints: Record<PointDropReason, number> = { program: 0, future: 0, invalid: 0, limit: 0 }
  readonly published = new Map<string, number>()
  alerts = 0
  classified = 0
  forcedPhotometry = 0
  lateAlerts = 0
  repeatedAnswers = 0
  /** Seconds from the arrival of each alert to its acknowledged answer. */
  ingestToPublish: number[] = []
  /** Seconds from the exposure of each alert to its acknowledged answer. */
  alertAges: number[] = []

  /** Runs a stage and adds up its time. */
  async time<T>(stage: Stage, work: () => T | Promise<T>): Promise<T> {
    const began = performance.now()
    try {
      return await work()
    } finally {
      this.stageSeconds[stage] += (performance.now() - began) / 1000
    }
  }

  /** A record was read. */
  read(alert: Alert, admitted: Admitted): void {
    this.alerts++
    this.forcedPhotometry += alert.forcedPhotometry
    this.droppedPoints.future += alert.dropped.future
    this.droppedPoints.invalid += alert.dropped.invalid
    this.droppedPoints.program += admitted.droppedPoints
  }

  /** Points were merged into an object; those that a full one has no room for are counted. */
  merged({ observations }: Addition, curve: LightCurve): void {
    if (curve.length < maxPoints) return
    for (const { jd, fid } of observations) if (!holds(curve, jd, fid)) this.droppedPoints.limit++
  }

  /** A message was refused. */
  refused(error: HieraxError, { topic, source }: InputMessage): void {
    this.deadLetters.push({ error, topic, source })
  }

  /** Dead letters by code. */
  get deadLetterCodes(): Map<ErrorCode, number> {
    return tally(this.deadLetters.map(({ error }) => error.code))
  }

  /** Everything was acknowledged: outcomes are counted once an alert, by the first model's answer. */
  finish(due: readonly Due[], bodies: readonly (readonly Classification[])[], sent: readonly OutputMessage[]): void {
    const now = Date.now()
    for (const { topic } of this.deadLetters) this.count(topic)
    for (const [index, { kind, record, origin }] of due.entries()) {
      if (kind === 'repeated') {
        this.repeatedAnswers++
        continue
      }
      if (kind === 'late') this.lateAlerts++
      const reason = bodies[0]?.[index]?.reason ?? null
      if (reason === null) this.classified++
      else this.notClassified.set(reason, (this.notClassified.get(reason) ?? 0) + 1)
      this.count(origin.topic)
      this.ingestToPublish.push(Math.max(0, (now - origin.ingested) / 1000))
      this.alertAges.push((now - (record.jd - julianDateOfEpoch) * msPerDay) / 1000)
    }
    for (const [topic, count] of tally(sent.map(message => message.topic))) this.published.set(topic, count)
  }

  private count(topic: string): void {
    this.consumed.set(topic, (this.consumed.get(topic) ?? 0) + 1)
  }
}

/** Whether a point is in a curve, by bisection. */
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

/** How often each value occurs. */
function tally<T>(values: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}
