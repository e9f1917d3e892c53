import { open } from 'node:fs/promises'
import { loadClassifier, type RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { type Model, readModelFolder } from 'hierax/classifier/model-folder.ts'
import type { RuntimeName } from 'hierax/classifier/network/runtime.ts'
import { describePopulation, type PopulationSetting } from 'hierax/classifier/probabilities/population.ts'
import type { Population } from 'hierax/classifier/types.ts'
import { HieraxError } from 'hierax/errors.ts'
import { predictAlerts } from '../context/context-study.ts'
import { readAlertSamples } from '../data/alert-samples.ts'
import { type KnownObject, type KnownSet, knownTo, type LabelledObject, readLabelled } from '../data/labelled.ts'
import { notesOf } from '../export.ts'
import { alertTables } from './alert-tables.ts'
import {
  type Candidates,
  type ClassAssignment,
  classAssignment,
  classProbabilities,
  parseCandidates,
  ranked
} from './class-assignment.ts'
import { type CutEvaluation, evaluateCut } from './evaluation.ts'
import { type Cut, type Prediction, predictAll } from './predict.ts'
import { type PurityRows, puritySamplesOf, purityTable, purityTablesFor } from './purity-tables.ts'
import { evaluationTables, type Table } from './tables.ts'

/** What `hierax evaluate` is to do. */
export interface EvaluatePlan {
  readonly model: string
  readonly data: readonly string[]
  /** Labelled packets, as `readAlertSamples` takes them. */
  readonly alerts?: readonly string[]
  /** Class mix that probabilities are given for; see `populationOf`. */
  readonly population?: PopulationSetting
  readonly days: readonly Cut[]
  /** Sets of classes to judge, as `--among` takes them. */
  readonly among: readonly string[]
  readonly minDetections: number
  readonly bootstrap: number
  /** File for one JSON line per object and cut. */
  readonly predictions?: string
  readonly runtime: RuntimeName
}

/** What an evaluation found. */
export interface EvaluateOutcome {
  readonly model: { readonly name: string; readonly version: string; readonly sha256: string; readonly runtime: string }
  /** How much of the data was used or left out. */
  readonly notes: readonly string[]
  /** Class mix that probabilities are given for; null: that of the training. */
  readonly population: Population | null
  /** Empty where no object has a label that the model's taxonomy knows. */
  readonly evaluations: readonly CutEvaluation[]
  /** Of labelled packets; null where none were named. */
  readonly alerts: AlertEvaluation | null
  readonly tables: readonly Table[]
}

/**
 * Classifies labelled light curves at every cut, and labelled packets, and judges the predictions. Predictions are written for every
 * object of light curves, also those whose labels are missing or unknown; only the others are judged. `begin` and `advance`
 * are called with the progress. Throws CONFIG_INVALID, DATA_INVALID, INPUT_NOT_FOUND, MODEL_INVALID, USAGE.
 */
export async function evaluate(
  plan: EvaluatePlan,
  { begin, advance }: { begin?: (objects: number) => Promise<void>; advance?: (objects: number) => void } = {}
): Promise<EvaluateOutcome> {
  const trained = await readModelFolder(plan.model)
  const { taxonomy, card, priors } = trained
  const among = plan.among.map(text => parseCandidates(taxonomy, text))
  const objects = plan.data.length > 0 ? await readLabelled(plan.data, { unlabelled: true }) : []
  const known = knownTo(taxonomy, objects)
  const judged = new Map(known.objects.filter(({ node }) => node >= 0).map(object => [object.id, object]))
  if (objects.length > 0 && judged.size === 0 && plan.predictions === undefined && !plan.alerts?.length) {
    const known = `no object has a label of the taxonomy ${taxonomy.name} ${taxonomy.version} and a detection`
    const remedy = 'give --predictions to classify the objects without judging them'
    throw new HieraxError('USAGE', `${plan.data.join(', ')}: there is nothing to evaluate, as ${known}; ${remedy}`)
  }
  const rule = classAssignment(card.decision, priors, taxonomy)
  const { population: setting } = plan
  const classifier = await loadClassifier(plan.model, {
    runtime: plan.runtime,
    ...(setting === undefined ? {} : { population: setting })
  })
  let file: PredictionFile | null = null
  const predictions: Prediction<KnownObject>[] = []
  const others: Pick<Prediction, 'cut' | 'novelty'>[] = []
  let alerts: AlertEvaluation | null = null
  await begin?.(objects.length)
  try {
    if (plan.predictions !== undefined) file = await openPredictions(plan.predictions, taxonomy, rule, among)
    for await (const prediction of predictAll(classifier, objects, plan.days)) {
      const object = judged.get(prediction.object.id)
      if (object !== undefined) predictions.push({ ...prediction, object })
      else others.push({ cut: prediction.cut, novelty: prediction.novelty })
      await file?.write(prediction)
      if (prediction.cut === plan.days.at(-1)) advance?.(1)
    }
    if (plan.alerts !== undefined && plan.alerts.length > 0) {
      alerts = await evaluateAlerts(plan.alerts, trained, classifier, labelsOf(objects))
    }
  } finally {
    await file?.close()
    classifier.dispose()
  }
  const { name, version, sha256, runtime, population } = classifier
  const options = { among, minDetections: plan.minDetections, bootstrap: plan.bootstrap }
  const cuts = predictions.length === 0 ? [] : plan.days
  const evaluations = cuts.map(cut => evaluateCut(taxonomy, rule, at(predictions, cut), options, at(others, cut)))
  return {
    model: { name, version, sha256, runtime },
    notes: [...(objects.length > 0 ? curveNotes(plan, trained, population, known) : []), ...(alerts?.notes ?? [])],
    population,
    evaluations,
    alerts,
    tables: [...evaluationTables(taxonomy, rule, predictions, evaluations), ...(alerts?.tables ?? [])]
  }
}

/** How many light curves were used or left out, and for which class mix they are judged. */
function curveNotes(
  { population: setting }: EvaluatePlan,
  { taxonomy, card }: Model,
  population: Population | null,
  known: KnownSet
): string[] {
  const notes = notesOf(taxonomy, known)
  if (population === null) return notes
  const other = setting === undefined && card.populations?.labelled !== undefined
  const hint = other ? '; --population labelled judges them at the mix of labelled light curves' : ''
  return [...notes, `Light curves are judged at the population ${describePopulation(population)}${hint}.`]
}

function labelsOf(objects: readonly LabelledObject[]): Map<string, string> {
  return new Map(objects.filter(({ label }) => label !== '').map(({ id, label }) => [id, label]))
}

function at<T extends Pick<Prediction, 'cut'>>(predictions: readonly T[], cut: Cut): T[] {
  return predictions.filter(prediction => prediction.cut === cut)
}

/** A file of predictions that is open. */
interface PredictionFile {
  write(prediction: Prediction<LabelledObject>): Promise<void>
  close(): Promise<void>
}

/** Opens a file for predictions, one JSON line each. This and the functions that it gives throw USAGE. */
async function openPredictions(
  file: string,
  { nodes }: Taxonomy,
  rule: ClassAssignment,
  sets: readonly Candidates[]
): Promise<PredictionFile> {
  const checked = <T>(action: Promise<T>): Promise<T> =>
    action.catch((cause: Error) => {
      throw new HieraxError('USAGE', `--predictions ${file} can't be written: ${cause.message}`, { cause })
    })
  const handle = await checked(open(file, 'w'))
  return {
    async write({ object: { id, label }, cut, age, probability, novelty }) {
      const ofNodes = Object.fromEntries(nodes.map(({ name }, node) => [name, probability[node]]))
      const named = sets.map(candidates => {
        const [first] = ranked(candidates, classProbabilities(candidates, probability), rule, age)
        return [candidates.title, candidates.classes[first as number]?.name]
      })
      const among = sets.length > 0 ? { among: Object.fromEntries(named) } : {}
      const line = JSON.stringify({ id, label, days: cut, nodes: ofNodes, novelty, ...among })
      await checked(handle.appendFile(`${line}\n`))
    },
    close: () => checked(handle.close())
  }
}

/** How a model does on labelled alert packets. */
export interface AlertEvaluation {
  /** For which purities are expected; null: for the class mix of the labelled objects. */
  readonly population: Population | null
  readonly purity: PurityRows
  /** Scores of the predictions, and the purities, for people. */
  readonly tables: readonly Table[]
  /** How many packets were used or left out. */
  readonly notes: readonly string[]
}

/**
 * Classifies labelled packets and evaluates the predictions: the probability of the first child of the root by label, number of
 * detections, time and place, and the purity that is to be expected of every node in the population that the classifier
 * runs with. Throws DATA_INVALID, INPUT_NOT_FOUND.
 */
export async function evaluateAlerts(
  paths: readonly string[],
  { taxonomy, priors, context }: Pick<Model, 'taxonomy' | 'priors' | 'context'>,
  classifier: Pick<RecurrentClassifier, 'classify' | 'population'>,
  labels: ReadonlyMap<string, string>
): Promise<AlertEvaluation> {
  const { objects, notes } = await readAlertSamples(paths, labels)
  const predictions = await predictAlerts({ taxonomy, objects }, classifier, context)
  const { population } = classifier
  const samples = puritySamplesOf(predictions, taxonomy, priors, population)
  const purity = purityTable(samples, taxonomy, population)
  const judged = new Set(samples.map(({ objectId }) => objectId)).size
  const settings = { taxonomy, shares: priors ?? evenShares(taxonomy), stream: population }
  const tables = samples.length === 0 ? [] : alertTables(predictions, settings)
  return {
    population,
    purity,
    // The titles of a card's tables state that no part of the model had seen the objects.
    tables: [
      ...tables.map(table => ({ ...table, title: table.title.replace(', held out', '') })),
      ...purityTablesFor(purity)
    ],
    notes: [
      ...notes,
      `${predictions.length} alerts of ${objects.length} objects are classified, ${samples.length} of ${judged} objects with a label.`,
      `Purity and completeness are expected for ${describePopulation(population)}; the other tables of alerts have the class mix of the labelled objects.`,
      'Objects that the model was trained on flatter these figures; those of its card are of objects that it had not seen.'
    ]
  }
}

/** For a card that does not state them: siblings have equal shares. */
function evenShares(taxonomy: Model['taxonomy']): Float64Array {
  const shares = new Float64Array(taxonomy.nodes.length)
  for (const group of taxonomy.siblings) for (const node of group) shares[node] = 1 / group.length
  return shares
}
