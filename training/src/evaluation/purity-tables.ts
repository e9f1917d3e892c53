import type { Card } from 'hierax/classifier/model/card.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { priorTerms } from 'hierax/classifier/probabilities/population.ts'
import { nodeProbabilities } from 'hierax/classifier/probabilities/probabilities.ts'
import { type DetectionRange, describeRange } from 'hierax/classifier/probabilities/purity.ts'
import type { Population } from 'hierax/classifier/types.ts'
import { groupBy, sum } from '../collections.ts'
import type { HeldOutAlert } from '../context/context-study.ts'
import { isAtOrBelow, isBelow, lineage, sumsByNode } from '../tree.ts'
import { type Column, type Table, tableOf } from './tables.ts'

/** A classified alert of an object whose label is known. */
export interface PuritySample {
  readonly objectId: string
  /** Index of the label's node: a leaf or an inner node. */
  readonly node: number
  /** Number of detections on which the prediction is based. */
  readonly detections: number
  /** By node, in the population that purities are computed for. */
  readonly probability: Float64Array
}

/** Rows of a card's `purity`. */
export type PurityRows = NonNullable<Card['purity']>

/** Numbers of detections that have a table of their own. */
export const detectionRanges: readonly DetectionRange[] = [
  { from: 1, until: 1 },
  { from: 2, until: 3 },
  { from: 4, until: 9 },
  { from: 10, until: null }
]

/** Whether a number of detections lies in a range. */
export function isInRange(detections: number, { from, until }: DetectionRange): boolean {
  return detections >= from && (until === null || detections <= until)
}

/** Thresholds on the probability of a node. */
export const purityThresholdGrid: readonly number[] = [
  ...Array.from({ length: 19 }, (_, at) => (at + 1) / 20),
  0.98,
  0.99,
  0.995
]

/** With fewer objects of a node, or of all others, in a range of detections there is no table; with fewer above a threshold, no row. */
const fewest = 5

/** Name of the population where the sample's own class mix counts. */
const ownMix = 'sample'

/** An object's alerts in one range of detections, and how much each of them counts. */
interface WeighedObject {
  readonly node: number
  readonly weight: number
  readonly probabilities: readonly Float64Array[]
}

/**
 * Expected purity and completeness of every node by threshold and number of detections, in a population (null: the class
 * mix of the sample).
 *
 * - An object's alerts in a range of detections share its weight. Objects are weighed so that those of siblings have the
 *   population's shares; groups that it does not name keep the mix of the sample.
 * - Purity is the lesser of two: the share of the weight above the threshold that belongs to the node, and the mean
 *   probability there. So where a small sample has no false object above a threshold, no more is expected than the
 *   probabilities themselves say.
 * - An object that is labelled at a node above the one that is judged is left out: it is neither true nor false.
 * - Fewer than five objects give no figures, and neither does a range in which a class of the population has no object.
 */
export function purityTable(
  samples: readonly PuritySample[],
  taxonomy: Taxonomy,
  population: Population | null
): PurityRows {
  return detectionRanges.flatMap(range => {
    const inRange = samples.filter(({ detections }) => isInRange(detections, range))
    const objects = weighed(inRange, taxonomy, population)
    if (objects === null) return []
    return taxonomy.nodes.flatMap(({ name }, node) => {
      const found = figuresOf(objects, taxonomy, node)
      if (found === null || found.thresholds.length === 0) return []
      const { from: fromDetections, until: untilDetections } = range
      return [{ population: population?.name ?? ownMix, node: name, fromDetections, untilDetections, ...found }]
    })
  })
}

/**
 * Predictions for real alerts as samples of a population: those with certain labels. Where the taxonomy does not know a label,
 * the child of the root that the alert's group names stands for it. `shares` are those of every node in training.
 */
export function puritySamplesOf(
  alerts: readonly HeldOutAlert[],
  taxonomy: Taxonomy,
  shares: Float64Array | null,
  population: Population | null
): PuritySample[] {
  const prior = priorTerms(population, shares, taxonomy)
  return alerts.flatMap(({ objectId, sample, node: label, top, logits, context }): PuritySample[] => {
    const node = label >= 0 ? label : top
    if (top < 0 || sample.doubtful) return []
    const sum = prior.map((term, at) => term + (logits[at] as number) + (context[at] as number))
    const { probability } = nodeProbabilities(taxonomy, sum)
    return [{ objectId, node, detections: sample.detections, probability }]
  })
}

/** Tables for people: one for each node, thresholds by row, ranges of detections by column. */
export function purityTablesFor(rows: PurityRows): Table[] {
  return [...groupBy(rows, ({ population }) => population)].flatMap(([population, own]) => {
    const ranges = detectionRanges.filter(({ from }) => own.some(row => row.fromDetections === from))
    return [...groupBy(own, ({ node }) => node)].map(([node, ofNode]): Table => {
      const byRange = ranges.map(({ from }) => ofNode.find(row => row.fromDetections === from))
      const cell = (row: PurityRows[number] | undefined, threshold: number | null): string => {
        if (threshold === null) return String(row?.objects ?? '–')
        const found = row?.thresholds.find(each => each.threshold === threshold)
        return found === undefined ? '–' : `${found.purity.toFixed(3)} / ${found.completeness.toFixed(3)}`
      }
      const used = purityThresholdGrid.filter(threshold =>
        ofNode.some(row => row.thresholds.some(each => each.threshold === threshold))
      )
      return tableOf<number | null>(
        `Expected purity / completeness of ${node} in the population ${population}`,
        [null, ...used],
        [
          ['probability >=', threshold => threshold ?? 'objects'],
          ...ranges.map((range, at): Column<number | null> => [describeRange(range), each => cell(byRange[at], each)])
        ]
      )
    })
  })
}

/** The objects of some alerts with the weights of a population; null if the population has a class without objects. */
function weighed(
  samples: readonly PuritySample[],
  taxonomy: Taxonomy,
  population: Population | null
): WeighedObject[] | null {
  const objects = [...groupBy(samples, ({ objectId }) => objectId).values()]
  const nodes = objects.map(([first]) => (first as PuritySample).node)
  const counts = sumsByNode(taxonomy, nodes)
  const factors = new Float64Array(taxonomy.nodes.length).fill(1)
  const given = new Map(Object.entries(population?.shares ?? {}))
  for (const group of taxonomy.siblings) {
    const shares = group.map(node => given.get(taxonomy.nodes[node]?.name ?? ''))
    if (shares[0] === undefined) continue
    const total = sum(group.map(node => counts[node] as number))
    // Below a class without objects there is nothing to weigh, and nothing is missing.
    if (total === 0 && taxonomy.parents[group[0] as number] !== -1) continue
    for (const [at, node] of group.entries()) {
      if (counts[node] === 0) return null
      factors[node] = ((shares[at] as number) * total) / (counts[node] as number)
    }
  }
  return objects.map((alerts, at) => {
    const node = nodes[at] as number
    const weight = lineage(taxonomy, node).reduce((product, each) => product * (factors[each] as number), 1)
    return { node, weight, probabilities: alerts.map(({ probability }) => probability) }
  })
}

/** Purity and completeness of one node; null where there are too few objects of it, or of the others. */
function figuresOf(
  objects: readonly WeighedObject[],
  taxonomy: Taxonomy,
  node: number
): Pick<PurityRows[number], 'objects' | 'thresholds'> | null {
  const known = objects
    .filter(object => !isBelow(taxonomy, node, object.node))
    .map(object => ({ ...object, isTrue: isAtOrBelow(taxonomy, object.node, node) }))
  const members = known.filter(({ isTrue }) => isTrue)
  if (members.length < fewest || known.length - members.length < fewest) return null
  const all = sum(members.map(({ weight }) => weight))
  const thresholds = purityThresholdGrid.flatMap(threshold => {
    const sums = { objects: 0, above: 0, right: 0, probability: 0 }
    for (const { weight, probabilities, isTrue } of known) {
      const share = weight / probabilities.length
      const above = probabilities.filter(each => (each[node] as number) >= threshold)
      if (above.length > 0) sums.objects += 1
      sums.above += share * above.length
      if (isTrue) sums.right += share * above.length
      for (const each of above) sums.probability += share * (each[node] as number)
    }
    if (sums.objects < fewest) return []
    const purity = Math.min(sums.right, sums.probability) / sums.above
    return [{ threshold, purity: rounded(purity), completeness: rounded(sums.right / all) }]
  })
  return { objects: members.length, thresholds }
}

/** Down to four digits: a purity is never shown as more than it is. */
function rounded(value: number): number {
  return Math.max(0, Math.floor(value * 1e4 + 1e-7) / 1e4)
}
