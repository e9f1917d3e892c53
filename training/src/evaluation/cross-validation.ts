import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { namingShape } from 'hierax/classifier/card.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import { HieraxError } from 'hierax/errors.ts'
import { z } from 'zod'
import type { KnownObject } from '../data/labelled.ts'
import { priorsOf } from '../export.ts'
import type { Recipe } from '../recipe.ts'
import { type AttainableF1ByAge, type Candidates, classAssignment, fitAttainableF1 } from './class-assignment.ts'
import { type CutEvaluation, type EvaluationOptions, evaluateCut, evaluateSet } from './evaluation.ts'
import type { Scores } from './metrics.ts'
import { type NoveltyScale, noveltyScaleShape } from './novelty-fit.ts'
import type { Cut, Prediction } from './predict.ts'
import { atCut, evaluationTables, type Table } from './tables.ts'
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
const fileName = 'cross-validation.json'

/**
 * Judges predictions of objects by networks that were not trained on them, fold by fold. Each fold is judged at the
 * temperature that the other folds want; the temperature that is reported is that of all. With one fold alone, at none.
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

/** Writes what a cross-validation found beside its folds, with the scale of novelty and the command that made it. */
export async function writeCrossValidation(
  folder: string,
  found: CrossValidation,
  novelty: NoveltyScale,
  command: string
): Promise<void> {
  await writeFile(path.join(folder, fileName), `${JSON.stringify({ command, ...found, novelty }, null, 1)}\n`)
}

const shape = z.object({
  command: z.string(),
  temperature: z.array(z.object({ untilDays: z.number().nullable(), value: z.number() })),
  naming: namingShape.default([]),
  folds: z.array(z.object({ fold: z.number() })),
  tables: z.array(z.object({ title: z.string(), columns: z.array(z.string()), rows: z.array(z.array(z.string())) })),
  novelty: noveltyScaleShape.optional()
})

/** What a model takes from a cross-validation: command, temperature, naming, tables and the scale of novelty. Throws USAGE where there is none. */
export async function readCrossValidation(folder: string): Promise<z.infer<typeof shape>> {
  const file = path.join(folder, fileName)
  try {
    return shape.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    const message = `--cross-validation ${folder}: ${file} can't be used (${(cause as Error).message.split('\n')[0]})`
    throw new HieraxError('USAGE', `${message}; it is what \`hierax train --folds N --out ${folder}\` writes`, {
      cause
    })
  }
}

/** Mean and standard deviation over folds, of accuracy and macro-F1 on the last cut. */
function foldTable(folds: CrossValidation['folds'], days: Cut): Table {
  const titles = folds[0]?.sets.filter(set => set.days === days).map(({ title }) => title) ?? []
  const spread = (values: readonly number[]): string => {
    const mean = values.reduce((sum, each) => sum + each, 0) / values.length
    const squares = values.reduce((sum, each) => sum + (each - mean) ** 2, 0)
    return `${mean.toFixed(3)} ± ${Math.sqrt(squares / (values.length - 1)).toFixed(3)}`
  }
  const cell = (title: string, key: 'accuracy' | 'macroF1' | 'calibrationError'): string =>
    spread(folds.map(({ sets }) => sets.find(set => set.title === title && set.days === days)?.scores?.[key] ?? 0))
  return {
    title: `Mean and standard deviation over ${folds.length} folds, ${atCut(days)}`,
    columns: ['among', 'accuracy', 'macro-F1', 'calibration error'],
    rows: titles.map(title => [title, cell(title, 'accuracy'), cell(title, 'macroF1'), cell(title, 'calibrationError')])
  }
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
  const cell = (priorPower: number, cut: Cut): string => {
    const some = enough.filter(prediction => prediction.cut === cut)
    const { scores } = evaluateSet(taxonomy, { priorPower, priors }, set, some, 0)
    return scores === null ? '–' : `${scores.macroF1.toFixed(3)} / ${scores.accuracy.toFixed(3)}`
  }
  return {
    title: `Macro-F1 / accuracy among ${set.title} by the power of the prior`,
    columns: ['power', ...cuts.map(cut => (cut === 'full' ? 'full' : `${cut} days`))],
    rows: powers.map(power => [power.toFixed(1), ...cuts.map(cut => cell(power, cut))])
  }
}
