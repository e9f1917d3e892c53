import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { CardDraft } from 'hierax/classifier/card.ts'
import type { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import type { Runtime, RuntimeName } from 'hierax/classifier/runtime.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import { HieraxError } from 'hierax/errors.ts'
import { isHeldOut, type KnownObject } from './data/labelled.ts'
import type { AttainableF1ByAge } from './evaluation/class-assignment.ts'
import type { EvaluationOptions } from './evaluation/evaluation.ts'
import { type Prediction, predictAll } from './evaluation/predict.ts'
import type { Table } from './evaluation/tables.ts'
import { exportModel, limitationsOf, settingsNote, type Trained } from './export.ts'
import { batchesPerEpoch, drawsOf } from './network/batches.ts'
import { readCheckpoint, type Settings, writeCheckpoint } from './network/checkpoint.ts'
import { readTeachers, type Teacher } from './network/distillation.ts'
import {
  type EpochRecord,
  type FitOptions,
  type FitState,
  finalWeights,
  fit,
  inputsOf,
  rootBalance
} from './network/fit.ts'
import { gradientClip } from './network/optimiser.ts'
import type { Recipe } from './recipe.ts'

/** What `hierax train` is to do. */
export interface TrainPlan {
  readonly data: readonly string[]
  readonly taxonomy: string
  readonly out: string
  readonly runtime: RuntimeName
  readonly recipe: Recipe
  /** Name of the recipe, for the card; null where nothing was changed by one. */
  readonly recipeName: string | null
  readonly resume: boolean
  /** Cross-validation over so many folds instead of a model of all objects; 0: none. */
  readonly folds: number
  /** Only this one of them, 0 … folds − 1. */
  readonly fold: number | null
  /** Nodes without whose objects to train, one after another, to see how novel they look; empty for none. */
  readonly leaveOut: readonly string[]
  /** Folder of such a run whose figures the card is to have. */
  readonly leftOut: string | null
  /** Folder of a cross-validation whose temperature and figures the card is to have. */
  readonly crossValidation: string | null
  /** Model to begin with, or a cross-validation whose networks of the same fold are begun with; null: random weights. */
  readonly start: string | null
  /** Models to learn from, or cross-validations whose networks of the same fold are learned from. */
  readonly teachers: readonly string[]
  /** Class mixes for the card, the default first. */
  readonly populations: Trained['populations']
  /** Labelled packets for a context term; null for none. */
  readonly alerts: readonly string[] | null
  readonly name: string
  readonly version: string
  /** The command line, for the card. */
  readonly command: string
}

/** Functions that are called as a run proceeds. */
export interface TrainListener {
  note(text: string): void
  tables(tables: readonly Table[]): void
  /** A network's training begins: `done` of `total` batches were done before. */
  begin(title: string, total: number, done: number): Promise<void>
  batch(): void
  epoch(record: EpochRecord, epochs: number): Promise<void>
  end(): void
}

/** What all networks of a run have in common. */
export interface Session {
  readonly plan: TrainPlan
  readonly fit: FitOptions
  readonly taxonomy: Taxonomy
  readonly taxonomyText: string
  readonly runtime: Runtime
  readonly objects: readonly KnownObject[]
  readonly notes: readonly string[]
  readonly evaluation: EvaluationOptions
  readonly listener: TrainListener
  readonly signal: AbortSignal
}

/** Share of the training objects that is held out, for early stopping, temperature and novelty. */
export function heldOutShare({ recipe: { schedule }, leaveOut }: Pick<TrainPlan, 'recipe' | 'leaveOut'>): number {
  return schedule.heldOut ?? (leaveOut.length > 0 ? 0.2 : schedule.earlyStopping > 0 ? 0.1 : 0)
}

/** What decides the outcome of a training, by its recipe. */
export function fitOptions({ recipe, teachers }: Pick<TrainPlan, 'recipe' | 'teachers'>): FitOptions {
  const { network, loss, schedule, sampling } = recipe
  const { learningRate, weightDecay } = schedule
  return {
    inputs: network.inputs,
    epochs: recipe.epochs,
    batch: schedule.batch,
    seed: recipe.seed,
    sampling: sampling.draws,
    balance: { share: sampling.balance, persistent: sampling.persistent.join() },
    dropout: network.dropout,
    lastWeight: loss.lastWeight,
    patience: schedule.earlyStopping,
    distillation: teachers.length > 0 ? loss.distillation : 0,
    widths: { embedding: network.embedding, hidden: network.hidden, dense: network.dense },
    whxe: { alpha: loss.alpha, beta: loss.beta, labelsCount: loss.labelsCount },
    optimiser: { learningRate, weightDecay, clip: gradientClip },
    augmentation: recipe.augmentation
  }
}

/** A trained network, the objects that it was trained on, and those that were held out. */
export interface Fitted {
  readonly state: FitState
  readonly kept: KnownObject[]
  readonly heldOut: KnownObject[]
}

/**
 * Fits a network of `objects`, but for the held-out ones, with its checkpoint in `folder/training`. With `inner`, the models
 * to begin with and to learn from are those in the folder of this name in the plan's folders; null: it has none.
 */
export async function fitInto(
  { plan, fit: options, taxonomy, taxonomyText, runtime, listener, signal }: Session,
  folder: string,
  objects: readonly KnownObject[],
  title: string,
  inner: string | null
): Promise<Fitted> {
  const models = (folders: readonly string[]): Promise<Teacher[]> => {
    const named = inner === null ? [] : folders.map(each => path.join(each, inner))
    return readTeachers(named, taxonomy, inputsOf(options.inputs))
  }
  const teachers = await models(plan.teachers)
  const [start = null] = await models(plan.start === null ? [] : [plan.start])
  const isOut = ({ id }: KnownObject): boolean => isHeldOut(id, heldOutShare(plan), plan.recipe.foldSeed)
  const heldOut = objects.filter(isOut)
  const kept = objects.filter(object => !isOut(object))
  const file = path.join(folder, 'training', 'checkpoint.json')
  await mkdir(folder, { recursive: true })
  const settings: Settings = {
    runtime: runtime.name,
    ...settingsOf(options),
    ...(start === null ? {} : { start: start.sha256.slice(0, 16) }),
    taxonomy: digest([taxonomyText]),
    teachers: teachers.map(({ sha256 }) => sha256.slice(0, 16)).join(),
    objects: digest(kept.map(lineOf)),
    heldOut: digest(heldOut.map(lineOf))
  }
  const resumed = await resumable(plan.resume, file, settings)
  const draws = drawsOf(
    kept.map(({ node }) => node),
    rootBalance(taxonomy, options.balance)
  )
  const perEpoch = batchesPerEpoch(
    draws.reduce((sum, each) => sum + each, 0),
    options.batch
  )
  const done = resumed === null ? 0 : resumed.epoch * perEpoch + resumed.batch
  await listener.begin(title, perEpoch * options.epochs, done)
  try {
    const state = await fit(runtime, taxonomy, kept, heldOut, options, {
      resumed,
      teachers,
      start: start?.weights ?? null,
      signal,
      onBatch: () => listener.batch(),
      onEpoch: record => listener.epoch(record, options.epochs),
      save: state => writeCheckpoint(file, settings, state)
    })
    return { state, kept, heldOut }
  } finally {
    listener.end()
  }
}

/** The state to go on from. An interrupted training is not begun again unasked. */
async function resumable(resume: boolean, file: string, settings: Settings): Promise<FitState | null> {
  if (resume) return readCheckpoint(file, settings)
  const left = await readCheckpoint(file, settings).catch(() => null)
  if (left === null || left.finished) return null
  const where = `${file}: a training with these options was interrupted in epoch ${left.epoch + 1}`
  throw new HieraxError('USAGE', `${where}; resume it with --resume, or remove that file to start again`)
}

/** Options of a fit, flat, by the names that checkpoints have. */
function settingsOf({ distillation, ...fit }: FitOptions): Settings {
  const flat: Record<string, string | number> = { teaching: distillation }
  for (const [key, value] of Object.entries(fit)) {
    if (typeof value !== 'object') flat[key] = value
    else for (const [inner, each] of Object.entries(value)) flat[`${key}.${inner}`] = each as string | number
  }
  return flat
}

function lineOf({ id, node, points }: KnownObject): string {
  const sum = points.reduce((total, { jd, magnitude, error }) => total + jd + magnitude + error, 0)
  return `${id}\n${node}\n${points.length}\n${sum}\n`
}

function digest(parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex').slice(0, 16)
}

/** What a card says beside how the network was trained. */
export interface Findings extends Partial<Pick<CardDraft, 'temperature' | 'purity'>> {
  readonly metrics?: readonly Table[]
  readonly notes?: readonly string[]
  readonly naming?: AttainableF1ByAge
  readonly novelty?: Trained['novelty']
  readonly context?: Trained['context']
}

/** Writes a trained network as a model folder and opens it; without findings, one that is still to be judged. */
export async function exported(
  { plan, fit, taxonomy, taxonomyText, runtime, notes: found }: Session,
  folder: string,
  { state, kept }: Fitted,
  { temperature = null, metrics = [], notes = [], naming = [], novelty = null, context = null, purity }: Findings = {}
): Promise<RecurrentClassifier> {
  const { card, decision } = plan.recipe
  const recipe = plan.recipeName === null ? [] : [`Recipe: ${plan.recipeName}.`]
  return exportModel(folder, runtime, {
    taxonomy,
    taxonomyText,
    weights: finalWeights(state),
    objects: kept,
    whxe: fit.whxe,
    sampling: fit.sampling,
    balance: fit.balance,
    populations: plan.populations,
    context,
    novelty,
    card: {
      name: plan.name,
      version: plan.version,
      description: card.description,
      license: card.license,
      inputs: fit.inputs,
      training: {
        command: plan.command,
        seed: fit.seed,
        notes: [settingsNote(fit, state, runtime.name), ...recipe, ...found, ...notes]
      },
      temperature,
      decision: { priorPower: decision.priorPower, ...(naming.length > 0 ? { naming } : {}) },
      metrics: [...metrics],
      limitations: [...card.limitations, ...limitationsOf(taxonomy, kept)],
      ...(purity === undefined ? {} : { purity })
    }
  })
}

/** What a model says of objects at every cut. */
export async function predictedBy(
  classifier: RecurrentClassifier,
  objects: readonly KnownObject[],
  { recipe }: TrainPlan
): Promise<Prediction<KnownObject>[]> {
  const predictions: Prediction<KnownObject>[] = []
  for await (const prediction of predictAll(classifier, objects, recipe.judged.days)) predictions.push(prediction)
  return predictions
}
