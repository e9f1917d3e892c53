import { HieraxError, shown } from '../errors.ts'
import type { Card } from './card.ts'
import { customPopulation } from './population.ts'
import type { Population } from './types.ts'

/** A row of a card's `purity`. */
type PurityRow = NonNullable<Card['purity']>[number]

/** A range of numbers of detections, both ends included. */
export interface DetectionRange {
  readonly from: number
  /** Null: no end. */
  readonly until: number | null
}

/** From which probability on a node's alerts are as pure as was asked for, in one range of detections. */
export interface PurityThreshold extends DetectionRange {
  /** Null: no probability is known to be enough, so nothing of this range is. */
  readonly minProbability: number | null
  /** Expected purity from `minProbability` on; where that is null, the most that can be asked for in this range, null without data. */
  readonly purity: number | null
  /** Expected completeness from `minProbability` on. */
  readonly completeness: number | null
}

/**
 * The thresholds for a node that is to have a purity, one for each range of detections of the card's table. A threshold is the
 * least one whose expected purity, and that of every greater one in the table, is at least the purity asked for: a
 * threshold that is pure by chance between impure ones does not count. Throws CONFIG_INVALID where the card has no table
 * for the node in this population, naming what it has.
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

/** The threshold that applies to a number of detections; null where nothing passes. */
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
  // By the rule, more than the purity of the greatest threshold is never met.
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
  const instead = 'Give minProbability instead; `hierax evaluate --alerts` prints a table for labelled packets of yours'
  if (purity.length === 0) return `${card} has no table of expected purity. ${instead}`
  const nodesOf = (of: string): string =>
    [...new Set(purity.filter(row => row.population === of).map(row => row.node))].join(', ')
  const populations = [...new Set(purity.map(row => row.population))]
  if (population !== null && populations.includes(population.name)) {
    return `${card} has no table of expected purity for ${shown(node)} in the population ${shown(population.name)}; it has ${nodesOf(population.name)}. ${instead}`
  }
  const running =
    population === null
      ? 'the class mix of the training'
      : population.name === customPopulation
        ? 'shares that you gave: tables are made for the populations of the card'
        : `the population ${shown(population.name)}`
  const has = populations.map(each => `${shown(each)} (${nodesOf(each)})`).join('; ')
  return `${card} has no table of expected purity for ${running}; it has ${has}. ${instead}`
}
