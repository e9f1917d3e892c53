import { priorTerms } from 'hierax/classifier/population.ts'
import { nodeProbabilities } from 'hierax/classifier/probabilities.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import type { Population } from 'hierax/classifier/types.ts'
import type { HeldOutAlert } from '../context/context-study.ts'
import { type AlertScores, alertScores, type Scored, shareOf } from './metrics.ts'
import type { Table } from './tables.ts'

/** By what answers are judged. */
export interface AlertTableSettings {
  readonly taxonomy: Taxonomy
  /** Shares of every node in the networks' training. */
  readonly shares: Float64Array
  /** Class mix of the labelled objects; null: the one that they have. */
  readonly labelled: Population | null
  /** Class mix of nights of the stream. */
  readonly stream: Population | null
}

/** What of an answer is taken. */
interface Parts {
  readonly network: boolean
  readonly context: boolean
  /** The alert's own packet, with every sign positive. */
  readonly positive?: boolean
}

const whole: Parts = { network: true, context: true }
const scoreColumns = [
  'AUC',
  'false positives at 95 %',
  'log loss',
  'calibration error',
  'others above .5',
  'of the class above .5'
]
const ranges: readonly (readonly [title: string, from: number, to: number])[] = [
  ['1 detection', 1, 1],
  ['2 to 3', 2, 3],
  ['4 to 9', 4, 9],
  ['10 or more', 10, Number.POSITIVE_INFINITY]
]

/**
 * Tables of how answers to real alerts hold on held-out objects, for the model's card. The class in question is the first
 * child of the root (`Transient` in the bundled tree). As in the stream's score, the last alert of each labelled object counts; the
 * nights count every alert with two detections or more.
 */
export function alertTables(heldOut: readonly HeldOutAlert[], settings: AlertTableSettings): Table[] {
  const judge = new Judge(heldOut, settings)
  const last = heldOut.filter(({ isLast }) => isLast)
  return [
    partsTable(judge, last),
    labelTable(judge, last),
    scoreTable(judge, 'Number of detections (the last such alert of an object)', byDetections(heldOut)),
    scoreTable(judge, 'Time of the alert', byEra(last)),
    scoreTable(judge, 'Place', [
      ['off PS1 sources (none within 1.5″)', last.filter(isOffSources)],
      ['in galaxy cores (PS1 source within 1″, star score below .76)', last.filter(isInCore)]
    ]),
    nightTable(judge, heldOut)
  ].filter(({ rows }) => rows.length > 0)
}

/** Held-out scores of the last alerts, network and context together. */
export function heldOutScores(heldOut: readonly HeldOutAlert[], settings: AlertTableSettings): AlertScores {
  const judge = new Judge(heldOut, settings)
  return judge.scores(
    heldOut.filter(({ isLast }) => isLast),
    whole
  )
}

/** Gives probabilities of the class in question. */
class Judge {
  readonly name: string
  readonly target: number
  readonly #taxonomy: Taxonomy
  readonly #labelled: Float64Array
  readonly #stream: Float64Array

  constructor(heldOut: readonly HeldOutAlert[], { taxonomy, shares, labelled, stream }: AlertTableSettings) {
    this.#taxonomy = taxonomy
    this.target = taxonomy.parents.indexOf(-1)
    this.name = taxonomy.nodes[this.target]?.name ?? ''
    this.#labelled = priorTerms(labelled ?? mixOf(taxonomy, heldOut), shares, taxonomy)
    this.#stream = priorTerms(stream, shares, taxonomy)
  }

  probability(alert: HeldOutAlert, { network, context, positive }: Parts, stream = false): number {
    const prior = stream ? this.#stream : this.#labelled
    const logits = positive ? (alert.positiveLogits ?? alert.logits) : alert.logits
    const sum = prior.map((term, node) => {
      return term + (network ? (logits[node] as number) : 0) + (context ? (alert.context[node] as number) : 0)
    })
    return nodeProbabilities(this.#taxonomy, sum).probability[this.target] as number
  }

  scores(alerts: readonly HeldOutAlert[], parts: Parts): AlertScores {
    return alertScores(
      alerts.map((alert): Scored => ({ probability: this.probability(alert, parts), truth: alert.top === this.target }))
    )
  }
}

/** The class mix that the last alerts of labelled objects have. */
function mixOf(taxonomy: Taxonomy, heldOut: readonly HeldOutAlert[]): Population {
  const last = heldOut.filter(({ isLast }) => isLast)
  const roots = taxonomy.nodes.flatMap(({ name }, node) => (taxonomy.parents[node] === -1 ? [{ name, node }] : []))
  const count = (node: number): number => last.filter(({ top }) => top === node).length
  // A class without objects is not impossible.
  const total = roots.reduce((sum, { node }) => sum + Math.max(0.5, count(node)), 0)
  return {
    name: 'labelled',
    shares: Object.fromEntries(roots.map(({ name, node }) => [name, Math.max(0.5, count(node)) / total]))
  }
}

function partsTable(judge: Judge, last: readonly HeldOutAlert[]): Table {
  const signs = last.filter(({ positiveLogits }) => positiveLogits !== null)
  const rows: [string, AlertScores][] = [
    ['network and context', judge.scores(last, whole)],
    ['network alone', judge.scores(last, { network: true, context: false })],
    ['context alone', judge.scores(last, { network: false, context: true })],
    ['every sign positive, network and context', judge.scores(signs, { ...whole, positive: true })],
    ['every sign positive, network alone', judge.scores(signs, { network: true, context: false, positive: true })]
  ]
  return {
    title: `P(${judge.name}) of real alerts, held out: last alert of each labelled object`,
    columns: ['what answers', ...countColumns(judge), ...scoreColumns],
    rows: rows.map(([title, scores]) => [title, ...scoreCells(scores)])
  }
}

function scoreTable(
  judge: Judge,
  title: string,
  parts: readonly (readonly [string, readonly HeldOutAlert[]])[]
): Table {
  return {
    title: `${title}: P(${judge.name}), held out`,
    columns: ['part', ...countColumns(judge), ...scoreColumns],
    rows: parts
      .filter(([, alerts]) => alerts.length > 0)
      .map(([name, alerts]) => [name, ...scoreCells(judge.scores(alerts, whole))])
  }
}

function labelTable(judge: Judge, last: readonly HeldOutAlert[]): Table {
  const labels = new Map<string, HeldOutAlert[]>()
  for (const alert of last) {
    const label = alert.sample.label ?? ''
    labels.set(label, [...(labels.get(label) ?? []), alert])
  }
  const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length
  return {
    title: `Labels: P(${judge.name}), held out, last alert of each object`,
    columns: ['label', 'objects', 'mean', 'above .5', 'mean, network alone', 'above .5, every sign positive'],
    rows: [...labels]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([label, alerts]) => {
        const of = (parts: Parts): number[] => alerts.map(alert => judge.probability(alert, parts))
        const above = (parts: Parts): string => decimals(shareOf(of(parts), value => value > 0.5))
        return [
          label,
          String(alerts.length),
          decimals(mean(of(whole))),
          above(whole),
          decimals(mean(of({ network: true, context: false }))),
          above({ ...whole, positive: true })
        ]
      })
  }
}

/** The nights that lines name: shares above ½ in the stream's class mix, and where the labelled objects of the class stand. */
function nightTable(judge: Judge, heldOut: readonly HeldOutAlert[]): Table {
  const nights = [...new Set(heldOut.flatMap(({ sample }) => sample.night ?? []))].sort()
  return {
    title: `Nights of the stream: P(${judge.name}) of alerts with two detections or more, held out`,
    columns: ['night', 'alerts', 'above .5', `labelled ${judge.name}`, "of them in the night's highest tenth"],
    rows: nights.flatMap(night => {
      const ofNight = heldOut.filter(({ sample }) => sample.night === night)
      const values = ofNight
        .filter(({ sample }) => sample.detections >= 2)
        .map(alert => judge.probability(alert, whole, true))
        .sort((a, b) => a - b)
      if (values.length === 0) return []
      const tenth = values.at(-Math.max(1, Math.floor(values.length / 10))) as number
      const known = ofNight.filter(({ top }) => top === judge.target)
      const high = known.filter(alert => judge.probability(alert, whole, true) >= tenth)
      const above = decimals(shareOf(values, value => value > 0.5))
      return [[night, String(values.length), above, String(known.length), String(high.length)]]
    })
  }
}

/** The last alert of each labelled object with so many detections. */
function byDetections(heldOut: readonly HeldOutAlert[]): [string, HeldOutAlert[]][] {
  return ranges.map(([title, from, to]) => {
    const latest = new Map<string, HeldOutAlert>()
    for (const alert of heldOut) {
      const { detections } = alert.sample
      if (alert.top >= 0 && detections >= from && detections <= to) latest.set(alert.objectId, alert)
    }
    return [title, [...latest.values()]]
  })
}

/** Thirds of the alerts by time. */
function byEra(last: readonly HeldOutAlert[]): [string, HeldOutAlert[]][] {
  const sorted = [...last].sort((a, b) => a.sample.jd - b.sample.jd)
  return [0, 1, 2].map((third): [string, HeldOutAlert[]] => {
    const some = sorted.slice(Math.round((third * sorted.length) / 3), Math.round(((third + 1) * sorted.length) / 3))
    return [`${dayOf(some[0])} to ${dayOf(some.at(-1))}`, some]
  })
}

function dayOf(alert: HeldOutAlert | undefined): string {
  return alert === undefined ? '' : new Date((alert.sample.jd - 2440587.5) * 86_400_000).toISOString().slice(0, 10)
}

function isOffSources({ sample }: HeldOutAlert): boolean {
  const { distpsnr1 } = sample.view.context
  return distpsnr1 === null || distpsnr1 > 1.5
}

function isInCore({ sample }: HeldOutAlert): boolean {
  const { distpsnr1, sgscore1 } = sample.view.context
  return distpsnr1 !== null && distpsnr1 < 1 && sgscore1 !== null && sgscore1 < 0.76
}

function countColumns({ name }: Judge): string[] {
  return [name, 'others']
}

function scoreCells(scores: AlertScores): string[] {
  const { positives, negatives, auc, falseAt95, logLoss, calibrationError, negativesAbove, positivesAbove } = scores
  const figures = [auc, falseAt95, logLoss, calibrationError, negativesAbove, positivesAbove]
  return [String(positives), String(negatives), ...figures.map(decimals)]
}

function decimals(value: number | null): string {
  return value === null ? '–' : value.toFixed(3)
}
