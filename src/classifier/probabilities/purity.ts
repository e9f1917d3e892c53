import { HieraxError, shown } from '../../errors.ts'
import type { Card } from '../model/card.ts'
import type { Population } from '../types.ts'
import { customPopulation } from './population.ts'

/** A row of a card's `purity`. */
type PurityRow = NonNullable<Card['purity']>[number]

/** A range of numbers of detections, both ends included. */
export interface DetectionRange {
  readonly from: number
  /** Null: no end. */
  readonly until: number | null
}

/** The probability threshold of a node for a required purity, in one range of detections. */
export interface PurityThreshold extends DetectionRange {
  /** Null: no threshold reaches the required purity. */
  readonly minProbability: number | null
  /** Expected purity above `minProbability`. If that is null: the highest purity available in this range, null without data. */
  readonly purity: number | null
  /** Expected completeness above `minProbability`. */
  readonly completeness: number | null
}

/**
 * The thresholds of a node for a required purity, one for each range of detections in the card's table. The lowest threshold is
 * selected for which it and all higher thresholds reach the purity. A single pure threshold between impure ones is not selected.
 * Throws CONFIG_INVALID if the card has no table for the node in this population; the error lists the tables of the card.
 */
export function purityThresholds(
  card: Pick<Card, 'name' | 'version' | 'purity'>,
  population: Population | null,
  node: string,
  minPurity: number
): PurityThreshold[] {
  const inPopulation = (card.purity ?? []).filter(row => row.population === population?.name)
  const rows = inPopulation.filter(row => row.node === node)
  if (rows.length === 0) throw new HieraxError('CONFIG_INVALID', noTable(card, population, node))
  return rangesOf(inPopulation).map(range => {
    const row = rows.find(({ fromDetections }) => fromDetections === range.from)
    return { ...range, ...thresholdIn(row?.thresholds ?? [], minPurity) }
  })
}

/** The threshold for a number of detections; null if nothing passes. */
export function thresholdFor(thresholds: readonly PurityThreshold[], detections: number): number | null {
  for (const { from, until, minProbability } of thresholds) {
    if (detections >= from && (until === null || detections <= until)) return minProbability
  }
  return null
}

/** A range in words: `1 detection`, `2–3 detections`, `10 detections or more`. */
export function describeRange({ from, until }: DetectionRange): string {
  if (until === null) return `${from} detections or more`
  if (until === from) return from === 1 ? '1 detection' : `${from} detections`
  return `${from}–${until} detections`
}

/** A threshold in words. */
export function describeThreshold(threshold: PurityThreshold): string {
  const { minProbability, purity, completeness } = threshold
  const range = describeRange(threshold)
  if (minProbability !== null) {
    return `${range}: probability >= ${minProbability}, expected purity ${purity}, expected completeness ${completeness}`
  }
  return purity === null
    ? `${range}: nothing is routed, the card has no figures`
    : `${range}: nothing is routed, the best purity is ${purity}`
}

function thresholdIn(
  thresholds: PurityRow['thresholds'],
  minPurity: number
): Pick<PurityThreshold, 'minProbability' | 'purity' | 'completeness'> {
  const descending = [...thresholds].sort((a, b) => b.threshold - a.threshold)
  let least: PurityRow['thresholds'][number] | null = null
  for (const each of descending) {
    if (each.purity < minPurity) break
    least = each
  }
  if (least !== null) {
    return { minProbability: least.threshold, purity: least.purity, completeness: least.completeness }
  }
  // The purity at the highest threshold is the most that this rule can reach.
  return { minProbability: null, purity: descending[0]?.purity ?? null, completeness: null }
}

/** The ranges of some rows, ascending. */
function rangesOf(rows: readonly PurityRow[]): DetectionRange[] {
  const ranges = new Map<number, DetectionRange>()
  for (const { fromDetections: from, untilDetections: until } of rows) ranges.set(from, { from, until })
  return [...ranges.values()].sort((a, b) => a.from - b.from)
}

function noTable(
  { name, version, purity = [] }: Pick<Card, 'name' | 'version' | 'purity'>,
  population: Population | null,
  node: string
): string {
  const card = `the card of ${name} ${version}`
  const instead = 'Use minProbability instead; `hierax evaluate --alerts` prints a table for your own labelled packets'
  if (purity.length === 0) return `${card} has no table of expected purity. ${instead}`
  const nodesOf = (of: string): string =>
    [...new Set(purity.filter(row => row.population === of).map(row => row.node))].join(', ')
  const populations = [...new Set(purity.map(row => row.population))]
  if (population !== null && populations.includes(population.name)) {
    return `${card} has no table of expected purity for ${shown(node)} in the population ${shown(population.name)}; it has ${nodesOf(population.name)}. ${instead}`
  }
  const running =
    population === null
      ? 'the class mix of the training set'
      : population.name === customPopulation
        ? 'your own shares; only the populations of the card have tables'
        : `the population ${shown(population.name)}`
  const has = populations.map(each => `${shown(each)} (${nodesOf(each)})`).join('; ')
  return `${card} has no table of expected purity for ${running}; it has ${has}. ${instead}`
}
