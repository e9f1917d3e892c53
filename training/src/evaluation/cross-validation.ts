import { namingShape } from 'hierax/classifier/model/card.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { z } from 'zod'
import { deviation, mean } from '../collections.ts'
import type { KnownObject } from '../data/labelled.ts'
import { priorsOf } from '../export.ts'
import type { Recipe } from '../recipe.ts'
import { type AttainableF1ByAge, type Candidates, classAssignment, fitAttainableF1 } from './class-assignment.ts'
import { type CutEvaluation, type EvaluationOptions, evaluateCut, evaluateSet } from './evaluation.ts'
import type { Scores } from './metrics.ts'
import { noveltyScaleShape } from './novelty-fit.ts'
import type { Cut, Prediction } from './predict.ts'
import { runOriginShape } from './run-file.ts'
import { atCut, type Column, decimals, evaluationTables, type Table, tableOf, tablesShape } from './tables.ts'
import { atTemperature, fitTemperature, type Temperature } from './temperature.ts'

/** What a cross-validation found. */
export interface CrossValidation {
  readonly temperature: Temperature
  /** Empty without ages in the recipe. */
  readonly naming: AttainableF1ByAge
  readonly evaluations: readonly CutEvaluation[]
  /** Scores of each fold, by set and cut. */
  readonly folds: readonly { readonly fold: number; readonly sets: readonly FoldScores[] }[]
  readonly tables: readonly Table[]
}

interface FoldScores {
  readonly title: string
  readonly days: Cut
  readonly scores: Scores | null
}

/** Powers of the prior that are tried on every judged set. */
const powers = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]

/**
 * Judges predictions of objects by networks that were not trained on them, fold by fold. Each fold is judged at the
 * temperature fitted on the other folds; the reported one is fitted on all. A single fold is judged at none.
 * What F1 is attainable is found from all folds together: that needs no labels.
 */
export function crossValidate(
  taxonomy: Taxonomy,
  { priorPower, bestF1 }: Recipe['decision'],
  objects: readonly KnownObject[],
  folds: ReadonlyMap<number, readonly Prediction<KnownObject>[]>,
  options: EvaluationOptions
): CrossValidation {
  const labels = objects.map(object => object.node)
  const priors = priorsOf(taxonomy, labels)
  const judged = new Map<number, Prediction<KnownObject>[]>()
  for (const [fold, predictions] of folds) {
    const others = [...folds].filter(([other]) => other !== fold).flatMap(([, each]) => each)
    judged.set(
      fold,
      others.length === 0 ? [...predictions] : atTemperature(taxonomy, predictions, fitTemperature(taxonomy, others))
    )
  }
  const all = [...judged.values()].flat()
  const naming = fitAttainableF1(taxonomy, all, bestF1)
  const rule = classAssignment({ priorPower, naming }, priors, taxonomy)
  const cuts = [...new Set(all.map(({ cut }) => cut))]
  const at = (some: readonly Prediction<KnownObject>[], cut: Cut) => some.filter(each => each.cut === cut)
  const evaluations = cuts.map(cut => evaluateCut(taxonomy, rule, at(all, cut), options))
  const perFold = [...judged].map(([fold, some]) => ({
    fold,
    sets: cuts.flatMap(cut =>
      evaluateCut(taxonomy, rule, at(some, cut), { ...options, bootstrap: 0 }).sets.map(
        ({ title, scores }): FoldScores => ({ title, days: cut, scores })
      )
    )
  }))
  const tables = evaluationTables(taxonomy, rule, all, evaluations, [
    ...(perFold.length > 1 ? [foldTable(perFold, cuts.at(-1) ?? 'full')] : []),
    ...options.among.map(set => powerTable(taxonomy, priors, set, all, cuts, options.minDetections))
  ])
  const temperature = fitTemperature(taxonomy, [...folds.values()].flat())
  return { temperature, naming, evaluations, folds: perFold, tables }
}

/** What a model takes from a cross-validation. */
export const crossValidationFile = {
  name: 'cross-validation.json',
  shape: z.object({
    command: z.string(),
    of: runOriginShape.optional(),
    temperature: z.array(z.object({ untilDays: z.number().nullable(), value: z.number() })),
    naming: namingShape.default([]),
    folds: z.array(z.object({ fold: z.number() })),
    tables: tablesShape,
    novelty: noveltyScaleShape.optional()
  }),
  option: '--cross-validation',
  writtenBy: '--folds N'
}

/** Mean and standard deviation over folds, of accuracy and macro-F1 on the last cut. */
function foldTable(folds: CrossValidation['folds'], days: Cut): Table {
  const titles = folds[0]?.sets.filter(set => set.days === days).map(({ title }) => title) ?? []
  const spread = (key: keyof Scores) => (title: string) => {
    const ofSet = folds.map(({ sets }) => sets.find(set => set.title === title && set.days === days))
    const values = ofSet.map(set => set?.scores?.[key] ?? 0)
    return `${decimals(mean(values))} ± ${decimals(deviation(values))}`
  }
  return tableOf(`Mean and standard deviation over ${folds.length} folds, ${atCut(days)}`, titles, [
    ['among', title => title],
    ['accuracy', spread('accuracy')],
    ['macro-F1', spread('macroF1')],
    ['calibration error', spread('calibrationError')]
  ])
}

/** Macro-F1 and accuracy among a set of classes by the power of the prior, to choose `decision.priorPower` by. */
function powerTable(
  taxonomy: Taxonomy,
  priors: Float64Array,
  set: Candidates,
  predictions: readonly Prediction<KnownObject>[],
  cuts: readonly Cut[],
  minDetections: number
): Table {
  const enough = predictions.filter(({ object }) => object.detections >= minDetections)
  const columns = cuts.map((cut): Column<number> => {
    const some = enough.filter(prediction => prediction.cut === cut)
    const cell = (priorPower: number): string => {
      const { scores } = evaluateSet(taxonomy, { priorPower, priors }, set, some, 0)
      return scores === null ? '–' : `${decimals(scores.macroF1)} / ${decimals(scores.accuracy)}`
    }
    return [cut === 'full' ? 'full' : `${cut} days`, cell]
  })
  return tableOf(`Macro-F1 / accuracy among ${set.title} by the power of the prior`, powers, [
    ['power', power => power.toFixed(1)],
    ...columns
  ])
}
