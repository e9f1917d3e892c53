import type { Card } from 'hierax/classifier/card.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import type { KnownObject } from '../data/labelled.ts'
import { type ClassAssignment, candidatesAtDepth, depthOf } from './class-assignment.ts'
import { type CutEvaluation, evaluateSet, type SetEvaluation } from './evaluation.ts'
import type { Scores } from './metrics.ts'
import type { Cut, Prediction } from './predict.ts'

/** A table as cards and reports have it. */
export type Table = Card['metrics'][number]

/** Confusions of more classes are left to the JSON file. */
const widestConfusion = 12
const columns = ['accuracy', 'macro-F1', 'log loss', 'calibration error', 'Brier', 'top 2'] as const
const keys: readonly (keyof Scores)[] = ['accuracy', 'macroF1', 'logLoss', 'calibrationError', 'brier', 'top2']

/** One table for each set of classes: a row for each cut. */
function scoreTables(evaluations: readonly CutEvaluation[]): Table[] {
  const titles = evaluations[0]?.sets.map(({ title }) => title) ?? []
  return titles.map((title, which) => ({
    title: `Among ${title}`,
    columns: ['days', 'objects', ...columns, 'edges of a mistake'],
    rows: evaluations.map(({ days, sets }) => {
      const set = sets[which] as SetEvaluation
      return [String(days), String(set.objects), ...scoreCells(set), decimals(set.mistakeDistance, 2)]
    })
  }))
}

/** How each class of a set fares at the last cut. */
function classTable(set: SetEvaluation, when: string): Table {
  return {
    title: `Classes among ${set.title}, ${when}`,
    columns: ['class', 'objects', 'precision', 'recall', 'F1'],
    rows: set.perClass.map(({ name, objects, precision, recall, f1 }) => [
      name,
      String(objects),
      ...[precision, recall, f1].map(each => decimals(each))
    ])
  }
}

/** Numbers of objects by true class (rows) and named class (columns). */
function confusionTable(set: SetEvaluation, when: string): Table {
  return {
    title: `Confusion among ${set.title}, ${when}: rows are the true classes`,
    columns: ['', ...set.classes],
    rows: set.confusion.map((row, which) => [set.classes[which] as string, ...row.map(String)])
  }
}

/** What is shown of evaluations at cuts: scores of every cut, `between` them and the details of the last one. */
export function evaluationTables(
  taxonomy: Taxonomy,
  rule: ClassAssignment,
  predictions: readonly Prediction<KnownObject>[],
  evaluations: readonly CutEvaluation[],
  between: readonly Table[] = []
): Table[] {
  const last = evaluations.at(-1)
  if (last === undefined) return []
  const when = atCut(last.days)
  const ofLast = predictions.filter(({ cut }) => cut === last.days)
  return [
    ...scoreTables(evaluations),
    ...between,
    ...detailTables(last.sets, when),
    nodeTable(last, when),
    partTable(taxonomy, rule, ofLast, when)
  ]
}

/** A cut in a table's title. */
export function atCut(cut: Cut): string {
  return cut === 'full' ? 'whole curves' : `${cut} days`
}

/** Every set in detail: its classes, and their confusion where the table can be read. */
function detailTables(sets: readonly SetEvaluation[], when: string): Table[] {
  return sets.flatMap(set =>
    set.classes.length > widestConfusion ? [classTable(set, when)] : [classTable(set, when), confusionTable(set, when)]
  )
}

/** Calibration of every node at a cut. */
function nodeTable({ nodes }: CutEvaluation, when: string): Table {
  return {
    title: `Calibration of every node, ${when}`,
    columns: ['node', 'objects', 'of the node', 'mean probability', 'share', 'calibration error', 'Brier'],
    rows: nodes.map(({ node, objects, members, meanProbability, calibrationError, brier }) => [
      node,
      String(objects),
      String(members),
      decimals(meanProbability, 4),
      decimals(objects > 0 ? members / objects : null, 4),
      decimals(calibrationError, 4),
      decimals(brier, 4)
    ])
  }
}

/** How parts of the objects fare at a cut: by source, and those of few detections. */
function partTable(
  taxonomy: Taxonomy,
  rule: ClassAssignment,
  predictions: readonly Prediction<KnownObject>[],
  when: string
): Table {
  const depth = Math.min(2, depthOf(taxonomy))
  const candidates = candidatesAtDepth(taxonomy, depth)
  const sources = [...new Set(predictions.map(({ object }) => object.source))].sort()
  const parts: [string, (object: KnownObject) => boolean][] = [
    ...sources.map((name): [string, (object: KnownObject) => boolean] => [`source ${name}`, o => o.source === name]),
    ['1 detection', o => o.detections === 1],
    ['2 detections', o => o.detections === 2],
    ['3 to 9 detections', o => o.detections >= 3 && o.detections < 10],
    ['10 detections or more', o => o.detections >= 10]
  ]
  return {
    title: `Parts of the objects at depth ${depth}, ${when}`,
    columns: ['part', 'objects', ...columns],
    rows: parts.map(([title, isPart]) => {
      const set = evaluateSet(
        taxonomy,
        rule,
        candidates,
        predictions.filter(({ object }) => isPart(object)),
        0
      )
      return [title, String(set.objects), ...scoreCells(set)]
    })
  }
}

/** A table as text for people, columns aligned. */
export function plainTable({ title, columns, rows }: Table): string {
  const widths = columns.map((name, at) => Math.max(name.length, ...rows.map(row => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[at] as number)))
      .join('  ')
  return [title, line(columns), ...rows.map(line)].map(each => each.trimEnd()).join('\n')
}

function scoreCells({ scores, errors }: SetEvaluation): string[] {
  return keys.map(key => {
    if (scores === null) return '–'
    return errors === null ? decimals(scores[key]) : `${decimals(scores[key])} ± ${decimals(errors[key])}`
  })
}

function decimals(value: number | null, digits = 3): string {
  return value === null ? '–' : value.toFixed(digits)
}
