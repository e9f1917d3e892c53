import type { Card } from 'hierax/classifier/card.ts'
import { priorTerms } from 'hierax/classifier/population.ts'
import { nodeProbabilities } from 'hierax/classifier/probabilities.ts'
import { type DetectionRange, describeRange } from 'hierax/classifier/purity.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import type { Population } from 'hierax/classifier/types.ts'
import type { HeldOutAlert } from '../context/context-study.ts'
import { isAtOrBelow, isBelow } from './class-assignment.ts'
import type { Table } from './tables.ts'

/** An answered alert of an object whose label is known. */
export interface PuritySample {
  readonly objectId: string
  /** Index of the label's node: a leaf or an inner node. */
  readonly node: number
  /** Detections that the answer rests on. */
  readonly detections: number
  /** By node, given for the population that purities are wanted for. */
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
    const inRange = samples.filter(
      ({ detections }) => detections >= range.from && (range.until === null || detections <= range.until)
    )
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
 * Answers to real alerts as samples of a population: those of labels without doubt. Where the taxonomy does not know a label,
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
  const populations = [...new Set(rows.map(({ population }) => population))]
  return populations.flatMap(population => {
    const own = rows.filter(row => row.population === population)
    const ranges = detectionRanges.filter(({ from }) => own.some(row => row.fromDetections === from))
    return [...new Set(own.map(({ node }) => node))].map((node): Table => {
      const byRange = ranges.map(({ from }) => own.find(row => row.node === node && row.fromDetections === from))
      const used = purityThresholdGrid.filter(threshold =>
        byRange.some(row => row?.thresholds.some(each => each.threshold === threshold))
      )
      return {
        title: `Expected purity / completeness of ${node} in the population ${population}`,
        columns: ['probability >=', ...ranges.map(describeRange)],
        rows: [
          ['objects', ...byRange.map(row => String(row?.objects ?? '–'))],
          ...used.map(threshold => [
            String(threshold),
            ...byRange.map(row => {
              const found = row?.thresholds.find(each => each.threshold === threshold)
              return found === undefined ? '–' : `${found.purity.toFixed(3)} / ${found.completeness.toFixed(3)}`
            })
          ])
        ]
      }
    })
  })
}

/** The objects of some alerts with the weights of a population; null where it has a class of which there is none. */
function weighed(
  samples: readonly PuritySample[],
  taxonomy: Taxonomy,
  population: Population | null
): WeighedObject[] | null {
  const objects = new Map<string, { node: number; probabilities: Float64Array[] }>()
  for (const { objectId, node, probability } of samples) {
    const object = objects.get(objectId)
    if (object === undefined) objects.set(objectId, { node, probabilities: [probability] })
    else object.probabilities.push(probability)
  }
  const factors = new Float64Array(taxonomy.nodes.length).fill(1)
  for (const group of taxonomy.siblings) {
    const shares = group.map(node => population?.shares[taxonomy.nodes[node]?.name ?? ''])
    if (shares[0] === undefined) continue
    const counts = group.map(
      node => [...objects.values()].filter(object => isAtOrBelow(taxonomy, object.node, node)).length
    )
    const total = counts.reduce((sum, count) => sum + count, 0)
    // Below a class without objects there is nothing to weigh, and nothing is missing.
    if (total === 0 && taxonomy.parents[group[0] as number] !== -1) continue
    for (const [at, node] of group.entries()) {
      if (counts[at] === 0) return null
      factors[node] = ((shares[at] as number) * total) / (counts[at] as number)
    }
  }
  return [...objects.values()].map(({ node, probabilities }) => {
    let weight = 1
    for (let at = node; at >= 0; at = taxonomy.parents[at] as number) weight *= factors[at] as number
    return { node, weight, probabilities }
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
  const all = members.reduce((sum, { weight }) => sum + weight, 0)
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
