import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { deviation, mean } from '../collections.ts'
import type { KnownObject } from '../data/labelled.ts'
import type { Candidates } from '../evaluation/class-assignment.ts'
import { evaluateSet, type SetEvaluation } from '../evaluation/evaluation.ts'
import type { Cut, Prediction } from '../evaluation/predict.ts'
import { type Column, decimals, type Table, tableOf } from '../evaluation/tables.ts'

/** A network of a study as it is judged, with its predictions for the objects of every fold that was trained. */
export interface Contestant {
  readonly name: string
  /** Share of the training labels that were replaced by their parents. */
  readonly coarse: number
  readonly folds: ReadonlyMap<number, readonly Prediction<KnownObject>[]>
  /** Mean number of objects that it was trained on. */
  readonly trainingObjects: number
}

/** Figures of a contestant among the classes of a target at a cut. */
export interface Verdict {
  readonly contestant: Contestant
  readonly target: string
  readonly cut: Cut
  /** Mean and standard deviation over the folds. */
  readonly figures: Readonly<Record<FigureName, Figure>>
  /** F1 of every class. */
  readonly f1: Readonly<Record<string, Figure>>
  /** Of the objects of all folds together; its errors are the deviations over the folds. */
  readonly pooled: SetEvaluation
}

/** Mean and standard deviation over the folds. */
export interface Figure {
  readonly mean: number
  readonly deviation: number
}

const figureNames = [
  'precision',
  'recall',
  'macroF1',
  'accuracy',
  'logLoss',
  'calibrationError',
  'mistakeDistance'
] as const
type FigureName = (typeof figureNames)[number]

const titles: Record<FigureName, string> = {
  precision: 'macro precision',
  recall: 'macro recall',
  macroF1: 'macro-F1',
  accuracy: 'accuracy',
  logLoss: 'log loss',
  calibrationError: 'calibration error',
  mistakeDistance: 'edges of a mistake'
}

/**
 * Judges a contestant among classes: the class with the largest probability is named. Objects with fewer detections on their whole
 * curve are left out.
 */
export function judge(
  taxonomy: Taxonomy,
  contestant: Contestant,
  { target, classes }: { readonly target: string; readonly classes: Candidates },
  cut: Cut,
  minDetections: number
): Verdict {
  const rule = { priorPower: 0, priors: null }
  const some = (predictions: readonly Prediction<KnownObject>[]): Prediction<KnownObject>[] =>
    predictions.filter(each => each.cut === cut && each.object.detections >= minDetections)
  const perFold = [...contestant.folds.values()].map(each => evaluateSet(taxonomy, rule, classes, some(each), 0))
  const all = evaluateSet(taxonomy, rule, classes, some([...contestant.folds.values()].flat()), 0)
  const over = (value: (set: SetEvaluation) => number): Figure => {
    const values = perFold.filter(({ objects }) => objects > 0).map(value)
    return { mean: mean(values), deviation: deviation(values) }
  }
  const macro = (key: 'precision' | 'recall') =>
    over(({ perClass }) => mean(perClass.filter(({ objects }) => objects > 0).map(each => each[key])))
  const score = (key: 'macroF1' | 'accuracy' | 'logLoss' | 'calibrationError') =>
    over(({ scores }) => scores?.[key] ?? 0)
  const figures = {
    precision: macro('precision'),
    recall: macro('recall'),
    macroF1: score('macroF1'),
    accuracy: score('accuracy'),
    logLoss: score('logLoss'),
    calibrationError: score('calibrationError'),
    mistakeDistance: over(({ mistakeDistance }) => mistakeDistance ?? 0)
  }
  const f1 = Object.fromEntries(
    all.classes.map((name, which) => [name, over(({ perClass }) => perClass[which]?.f1 ?? 0)])
  )
  const { accuracy, macroF1, logLoss, calibrationError } = figures
  const errors = {
    ...{ accuracy: accuracy.deviation, macroF1: macroF1.deviation, logLoss: logLoss.deviation },
    ...{ calibrationError: calibrationError.deviation, brier: spread(perFold, 'brier'), top2: spread(perFold, 'top2') }
  }
  return { contestant, target, cut, figures, f1, pooled: { ...all, title: contestant.name, errors } }
}

function spread(folds: readonly SetEvaluation[], key: 'brier' | 'top2'): number {
  return deviation(folds.flatMap(({ scores }) => (scores === null ? [] : [scores[key]])))
}

/** Tables of verdicts: one for each target and cut with all figures, and the F1 of every class. */
export function verdictTables(title: string, verdicts: readonly Verdict[]): Table[] {
  const groups = new Map<string, Verdict[]>()
  for (const verdict of verdicts) {
    const key = `${verdict.target}, ${verdict.cut === 'full' ? 'whole curves' : `${verdict.cut} days`}`
    groups.set(key, [...(groups.get(key) ?? []), verdict])
  }
  const hasCoarse = verdicts.some(({ contestant }) => contestant.coarse > 0)
  const first: Column<Verdict>[] = [
    ['network', ({ contestant }) => contestant.name],
    ...(hasCoarse ? [['coarse labels', ({ contestant }) => `${100 * contestant.coarse} %`] as Column<Verdict>] : []),
    ['trained on', ({ contestant }) => Math.round(contestant.trainingObjects)]
  ]
  return [...groups].flatMap(([key, some]) => {
    const objects = some[0]?.pooled.objects ?? 0
    const classes = some[0]?.pooled.classes ?? []
    return [
      tableOf(`${title}: ${key}, ${objects} objects`, some, [
        ...first,
        ...figureNames.map((name): Column<Verdict> => [titles[name], ({ figures }) => figureText(figures[name])])
      ]),
      tableOf(`${title}: F1 by class, ${key}`, some, [
        ...first.slice(0, -1),
        ...classes.map((name): Column<Verdict> => [name, ({ f1 }) => figureText(f1[name] as Figure)])
      ])
    ]
  })
}

function figureText({ mean, deviation }: Figure): string {
  return `${decimals(mean)} ± ${decimals(deviation)}`
}
