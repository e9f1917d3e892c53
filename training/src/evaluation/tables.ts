import type { Card } from 'hierax/classifier/model/card.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { z } from 'zod'
import type { KnownObject } from '../data/labelled.ts'
import { type ClassAssignment, candidatesAtDepth, depthOf } from './class-assignment.ts'
import { type CutEvaluation, evaluateSet, type SetEvaluation } from './evaluation.ts'
import type { Scores } from './metrics.ts'
import type { Cut, Prediction } from './predict.ts'

/** A table as cards and reports have it. */
export type Table = Card['metrics'][number]

export const tablesShape = z.array(
  z.object({ title: z.string(), columns: z.array(z.string()), rows: z.array(z.array(z.string())) })
)

/** A column of a table: its title and the cell of an item. */
export type Column<T> = readonly [title: string, cell: (item: T) => string | number]

/** A table with a row for each item. */
export function tableOf<T>(title: string, items: readonly T[], columns: readonly Column<T>[]): Table {
  const rows = items.map(item => columns.map(([, cell]) => String(cell(item))))
  return { title, columns: columns.map(([name]) => name), rows }
}

/** A number with this many decimals; a dash for none. */
export function decimals(value: number | null, digits = 3): string {
  return value === null ? '–' : value.toFixed(digits)
}

/** Confusions of more classes are left to the JSON file. */
const widestConfusion = 12

const scoreTitles: Record<keyof Scores, string> = {
  accuracy: 'accuracy',
  macroF1: 'macro-F1',
  logLoss: 'log loss',
  calibrationError: 'calibration error',
  brier: 'Brier',
  top2: 'top 2'
}

/** Number of objects and scores of a set of classes, with their errors where it has any. */
const scoreColumns: readonly Column<SetEvaluation>[] = [
  ['objects', set => set.objects],
  ...Object.entries(scoreTitles).map(([key, title]): Column<SetEvaluation> => {
    const cell = ({ scores, errors }: SetEvaluation): string => {
      if (scores === null) return '–'
      const value = decimals(scores[key as keyof Scores])
      return errors === null ? value : `${value} ± ${decimals(errors[key as keyof Scores])}`
    }
    return [title, cell]
  })
]

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
    ...last.sets.map(({ title }, which) => scoreTable(title, which, evaluations)),
    ...between,
    ...last.sets.flatMap(set => classTables(set, when)),
    tableOf(`Calibration of every node, ${when}`, last.nodes, [
      ['node', each => each.node],
      ['objects', each => each.objects],
      ['of the node', each => each.members],
      ['mean probability', each => decimals(each.meanProbability, 4)],
      ['share', ({ objects, members }) => decimals(objects > 0 ? members / objects : null, 4)],
      ['calibration error', each => decimals(each.calibrationError, 4)],
      ['Brier', each => decimals(each.brier, 4)]
    ]),
    partTable(taxonomy, rule, ofLast, when)
  ]
}

/** The scores of one set of classes by cut. */
function scoreTable(title: string, which: number, evaluations: readonly CutEvaluation[]): Table {
  const items = evaluations.map(({ days, sets }) => ({ days, ...(sets[which] as SetEvaluation) }))
  return tableOf(`Among ${title}`, items, [
    ['days', ({ days }) => days],
    ...scoreColumns,
    ['edges of a mistake', ({ mistakeDistance }) => decimals(mistakeDistance, 2)]
  ])
}

/** A cut in a table's title. */
export function atCut(cut: Cut): string {
  return cut === 'full' ? 'whole curves' : `${cut} days`
}

/** The classes of a set, and their confusion where the table can be read. */
function classTables(set: SetEvaluation, when: string): Table[] {
  const classes = tableOf(`Classes among ${set.title}, ${when}`, set.perClass, [
    ['class', each => each.name],
    ['objects', each => each.objects],
    ['precision', each => decimals(each.precision)],
    ['recall', each => decimals(each.recall)],
    ['F1', each => decimals(each.f1)]
  ])
  if (set.classes.length > widestConfusion) return [classes]
  const confusion = tableOf(
    `Confusion among ${set.title}, ${when}: rows are the true classes`,
    [...set.classes.keys()],
    [
      ['', which => set.classes[which] as string],
      ...set.classes.map((name, named): Column<number> => [name, which => set.confusion[which]?.[named] as number])
    ]
  )
  return [classes, confusion]
}

/** The scores of parts of the objects at a cut: by source, and those of few detections. */
function partTable(
  taxonomy: Taxonomy,
  rule: ClassAssignment,
  predictions: readonly Prediction<KnownObject>[],
  when: string
): Table {
  const depth = Math.min(2, depthOf(taxonomy))
  const candidates = candidatesAtDepth(taxonomy, depth)
  const sources = [...new Set(predictions.map(({ object }) => object.source))].sort()
  const parts: readonly [string, (object: KnownObject) => boolean][] = [
    ...sources.map((name): [string, (object: KnownObject) => boolean] => [`source ${name}`, o => o.source === name]),
    ['1 detection', o => o.detections === 1],
    ['2 detections', o => o.detections === 2],
    ['3 to 9 detections', o => o.detections >= 3 && o.detections < 10],
    ['10 detections or more', o => o.detections >= 10]
  ]
  const items = parts.map(([part, isPart]) => {
    const some = predictions.filter(({ object }) => isPart(object))
    return { part, ...evaluateSet(taxonomy, rule, candidates, some, 0) }
  })
  return tableOf(`Parts of the objects at depth ${depth}, ${when}`, items, [
    ['part', each => each.part],
    ...scoreColumns
  ])
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

/** The header and rows of a table in Markdown. */
export function markdownRows(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n')
}
