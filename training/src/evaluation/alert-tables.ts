import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { priorTerms } from 'hierax/classifier/probabilities/population.ts'
import { nodeProbabilities } from 'hierax/classifier/probabilities/probabilities.ts'
import type { Population } from 'hierax/classifier/types.ts'
import { utcOfJd } from 'hierax/julian-date.ts'
import { groupBy, mean, sum } from '../collections.ts'
import type { HeldOutAlert } from '../context/context-study.ts'
import { type AlertScores, alertScores, shareOf } from './metrics.ts'
import { detectionRanges, isInRange } from './purity-tables.ts'
import { type Column, decimals, type Table, tableOf } from './tables.ts'

/** Settings of the evaluation. */
export interface AlertTableSettings {
  readonly taxonomy: Taxonomy
  /** Shares of every node in the networks' training. */
  readonly shares: Float64Array
  /** Class mix of nights of the stream. */
  readonly stream: Population | null
}

/** Which terms of a prediction are used. */
interface Parts {
  readonly network: boolean
  readonly context: boolean
  /** The alert's own packet, with every sign positive. */
  readonly positive?: boolean
}

const whole: Parts = { network: true, context: true }
const networkAlone: Parts = { network: true, context: false }
const rangeTitles = ['1 detection', '2 to 3', '4 to 9', '10 or more'] as const

/**
 * Tables of scores for real alerts of held-out objects, for the model's card. The class in question is the first
 * child of the root (`Transient` in the bundled tree). As in the stream's score, the last alert of each labelled object counts; the
 * nights count every alert with two detections or more.
 */
export function alertTables(heldOut: readonly HeldOutAlert[], settings: AlertTableSettings): Table[] {
  const judge = new Judge(heldOut, settings)
  const last = heldOut.filter(({ isLast }) => isLast)
  const signs = last.filter(({ positiveLogits }) => positiveLogits !== null)
  const parts = (title: string, some: readonly (readonly [string, readonly HeldOutAlert[]])[]): Table => {
    const found = some.filter(([, alerts]) => alerts.length > 0)
    const rows = found.map(([name, alerts]) => ({ name, ...judge.scores(alerts, whole) }))
    return tableOf(`${title}: P(${judge.name}), held out`, rows, scoreColumns('part', judge))
  }
  return [
    tableOf(
      `P(${judge.name}) of real alerts, held out: last alert of each labelled object`,
      [
        { name: 'network and context', ...judge.scores(last, whole) },
        { name: 'network alone', ...judge.scores(last, networkAlone) },
        { name: 'context alone', ...judge.scores(last, { network: false, context: true }) },
        { name: 'every sign positive, network and context', ...judge.scores(signs, { ...whole, positive: true }) },
        { name: 'every sign positive, network alone', ...judge.scores(signs, { ...networkAlone, positive: true }) }
      ],
      scoreColumns('what answers', judge)
    ),
    labelTable(judge, last),
    parts('Number of detections (the last such alert of an object)', byDetections(heldOut)),
    parts('Time of the alert', byEra(last)),
    parts('Place', [
      ['off PS1 sources (none within 1.5″)', last.filter(isOffSources)],
      ['in galaxy cores (PS1 source within 1″, star score below .76)', last.filter(isInCore)]
    ]),
    nightTable(judge, heldOut)
  ].filter(({ rows }) => rows.length > 0)
}

function scoreColumns(first: string, { name }: Judge): Column<AlertScores & { readonly name: string }>[] {
  return [
    [first, each => each.name],
    [name, each => each.positives],
    ['others', each => each.negatives],
    ['AUC', each => decimals(each.auc)],
    ['false positives at 95 %', each => decimals(each.falseAt95)],
    ['log loss', each => decimals(each.logLoss)],
    ['calibration error', each => decimals(each.calibrationError)],
    ['others above .5', each => decimals(each.negativesAbove)],
    ['of the class above .5', each => decimals(each.positivesAbove)]
  ]
}

/** Gives probabilities of the class in question. */
class Judge {
  readonly name: string
  readonly target: number
  readonly #taxonomy: Taxonomy
  readonly #labelled: Float64Array
  readonly #stream: Float64Array

  constructor(heldOut: readonly HeldOutAlert[], { taxonomy, shares, stream }: AlertTableSettings) {
    this.#taxonomy = taxonomy
    this.target = taxonomy.parents.indexOf(-1)
    this.name = taxonomy.nodes[this.target]?.name ?? ''
    this.#labelled = priorTerms(mixOf(taxonomy, heldOut), shares, taxonomy)
    this.#stream = priorTerms(stream, shares, taxonomy)
  }

  probability(alert: HeldOutAlert, { network, context, positive }: Parts, stream = false): number {
    const prior = stream ? this.#stream : this.#labelled
    const logits = positive ? (alert.positiveLogits ?? alert.logits) : alert.logits
    const total = prior.map(
      (term, node) => term + (network ? (logits[node] as number) : 0) + (context ? (alert.context[node] as number) : 0)
    )
    return nodeProbabilities(this.#taxonomy, total).probability[this.target] as number
  }

  scores(alerts: readonly HeldOutAlert[], parts: Parts): AlertScores {
    return alertScores(
      alerts.map(alert => ({ probability: this.probability(alert, parts), truth: alert.top === this.target }))
    )
  }
}

/** The class mix that the last alerts of labelled objects have. */
function mixOf(taxonomy: Taxonomy, heldOut: readonly HeldOutAlert[]): Population {
  const last = heldOut.filter(({ isLast }) => isLast)
  const roots = taxonomy.nodes.flatMap(({ name }, node) => {
    if (taxonomy.parents[node] !== -1) return []
    // A class without objects is not impossible.
    return [{ name, count: Math.max(0.5, last.filter(({ top }) => top === node).length) }]
  })
  const total = sum(roots.map(({ count }) => count))
  return { name: 'labelled', shares: Object.fromEntries(roots.map(({ name, count }) => [name, count / total])) }
}

function labelTable(judge: Judge, last: readonly HeldOutAlert[]): Table {
  const labels = [...groupBy(last, ({ sample }) => sample.label ?? '')].sort(([a], [b]) => (a < b ? -1 : 1))
  type Label = (typeof labels)[number]
  const meanOf = (parts: Parts) => (label: Label) => decimals(mean(of(label, parts)))
  const above = (parts: Parts) => (label: Label) => decimals(shareOf(of(label, parts), value => value > 0.5))
  const of = ([, alerts]: Label, parts: Parts): number[] => alerts.map(alert => judge.probability(alert, parts))
  return tableOf(`Labels: P(${judge.name}), held out, last alert of each object`, labels, [
    ['label', ([label]) => label],
    ['objects', ([, alerts]) => alerts.length],
    ['mean', meanOf(whole)],
    ['above .5', above(whole)],
    ['mean, network alone', meanOf(networkAlone)],
    ['above .5, every sign positive', above({ ...whole, positive: true })]
  ])
}

/** By night of the lines: shares above ½ in the stream's class mix, and the rank of the labelled objects of the class. */
function nightTable(judge: Judge, heldOut: readonly HeldOutAlert[]): Table {
  const named = heldOut.filter(({ sample }) => sample.night !== null)
  const nights = [...groupBy(named, ({ sample }) => sample.night as string)].sort(([a], [b]) => (a < b ? -1 : 1))
  const streamed = (alert: HeldOutAlert): number => judge.probability(alert, whole, true)
  const items = nights.flatMap(([night, alerts]) => {
    const values = alerts.filter(({ sample }) => sample.detections >= 2).map(streamed)
    if (values.length === 0) return []
    const tenth = values.toSorted((a, b) => a - b).at(-Math.max(1, Math.floor(values.length / 10))) as number
    const known = alerts.filter(({ top }) => top === judge.target)
    return [{ night, values, known, high: known.filter(alert => streamed(alert) >= tenth) }]
  })
  return tableOf(`Nights of the stream: P(${judge.name}) of alerts with two detections or more, held out`, items, [
    ['night', each => each.night],
    ['alerts', each => each.values.length],
    ['above .5', each => decimals(shareOf(each.values, value => value > 0.5))],
    [`labelled ${judge.name}`, each => each.known.length],
    ["of them in the night's highest tenth", each => each.high.length]
  ])
}

/** The last alert of each labelled object with this number of detections. */
function byDetections(heldOut: readonly HeldOutAlert[]): [string, HeldOutAlert[]][] {
  return detectionRanges.map((range, which) => {
    const some = heldOut.filter(({ top, sample }) => top >= 0 && isInRange(sample.detections, range))
    return [rangeTitles[which] as string, [...new Map(some.map(alert => [alert.objectId, alert])).values()]]
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
  return alert === undefined ? '' : utcOfJd(alert.sample.jd).slice(0, 10)
}

function isOffSources({ sample }: HeldOutAlert): boolean {
  const { distpsnr1 } = sample.view.context
  return distpsnr1 === null || distpsnr1 > 1.5
}

function isInCore({ sample }: HeldOutAlert): boolean {
  const { distpsnr1, sgscore1 } = sample.view.context
  return distpsnr1 !== null && distpsnr1 < 1 && sgscore1 !== null && sgscore1 < 0.76
}
