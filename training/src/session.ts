import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import type { CardDraft } from 'hierax/classifier/model/card.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import type { Runtime, RuntimeName } from 'hierax/classifier/network/runtime.ts'
import { sum } from './collections.ts'
import { isHeldOut, type KnownObject } from './data/labelled.ts'
import type { EvaluationOptions } from './evaluation/evaluation.ts'
import { type Prediction, predictAll } from './evaluation/predict.ts'
import type { Table } from './evaluation/tables.ts'
import { drawsOf, inputsOf } from './network/batches.ts'
import { checkpointFile, readCheckpoint, type Settings, writeCheckpoint } from './network/checkpoint.ts'
import { readTeachers, type Teacher } from './network/distillation.ts'
import { type EpochRecord, type FitState, fit } from './network/fit.ts'
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
  /** Continue from the checkpoints in `out`. */
  readonly resume: boolean
  /** Replace what is in `out`. */
  readonly overwrite: boolean
  /** Number of folds for a cross-validation instead of a model of all objects; 0: none. */
  readonly folds: number
  /** Only this one of them, 0 … folds − 1. */
  readonly fold: number | null
  /** Nodes without whose objects to train, one after another, to measure how novel they look; empty for none. */
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
  readonly populations: NonNullable<CardDraft['populations']>
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

/** A trained network, the objects that it was trained on, and those that were held out. */
export interface Fitted {
  readonly state: FitState
  readonly kept: readonly KnownObject[]
  readonly heldOut: readonly KnownObject[]
}

/**
 * Fits a network of `objects`, but for the held-out ones, with its checkpoint in `folder/training`. With `inner`, the models
 * to begin with and to learn from are those in the folder of this name in the plan's folders; null: it has none.
 */
export async function fitInto(
  { plan, taxonomy, taxonomyText, runtime, listener, signal }: Session,
  folder: string,
  objects: readonly KnownObject[],
  title: string,
  inner: string | null
): Promise<Fitted> {
  const { recipe } = plan
  const models = (folders: readonly string[], option: '--start' | '--teachers'): Promise<Teacher[]> => {
    const named = inner === null ? [] : folders.map(each => path.join(each, inner))
    return readTeachers(named, taxonomy, inputsOf(recipe.network.inputs), option)
  }
  const teachers = await models(plan.teachers, '--teachers')
  const [start = null] = await models(plan.start === null ? [] : [plan.start], '--start')
  const isOut = ({ id }: KnownObject): boolean => isHeldOut(id, heldOutShare(plan), recipe.foldSeed)
  const heldOut = objects.filter(isOut)
  const kept = objects.filter(object => !isOut(object))
  const file = path.join(folder, checkpointFile)
  await mkdir(folder, { recursive: true })
  const settings: Settings = {
    runtime: runtime.name,
    ...settingsOf(plan),
    ...(start === null ? {} : { start: start.sha256.slice(0, 16) }),
    taxonomy: digest([taxonomyText]),
    teachers: teachers.map(({ sha256 }) => sha256.slice(0, 16)).join(),
    objects: digest(kept.map(lineOf)),
    heldOut: digest(heldOut.map(lineOf))
  }
  const resumed = plan.resume ? await readCheckpoint(file, settings) : null
  const nodes = kept.map(({ node }) => node)
  const perEpoch = Math.ceil(sum(drawsOf(taxonomy, nodes, recipe.sampling.balance)) / recipe.schedule.batch)
  const done = resumed === null ? 0 : resumed.epoch * perEpoch + resumed.batch
  await listener.begin(title, perEpoch * recipe.epochs, done)
  try {
    const state = await fit(runtime, taxonomy, kept, heldOut, recipe, {
      resumed,
      teachers,
      start: start?.weights ?? null,
      signal,
      onBatch: () => listener.batch(),
      onEpoch: record => listener.epoch(record, recipe.epochs),
      save: state => writeCheckpoint(file, settings, state)
    })
    return { state, kept, heldOut }
  } finally {
    listener.end()
  }
}

/** The settings that determine the result of a training in addition to its data, by their names in checkpoints. */
function settingsOf({ recipe, teachers }: TrainPlan): Settings {
  const { network, loss, schedule, sampling, augmentation } = recipe
  return {
    teaching: teachers.length > 0 ? loss.distillation : 0,
    inputs: network.inputs,
    epochs: recipe.epochs,
    batch: schedule.batch,
    seed: recipe.seed,
    sampling: sampling.draws,
    'balance.share': sampling.balance,
    'balance.persistent': sampling.persistent.join(),
    dropout: network.dropout,
    lastWeight: loss.lastWeight,
    patience: schedule.earlyStopping,
    'widths.embedding': network.embedding,
    'widths.hidden': network.hidden,
    'widths.dense': network.dense,
    'whxe.alpha': loss.alpha,
    'whxe.beta': loss.beta,
    'whxe.labelsCount': loss.labelsCount,
    'optimiser.learningRate': schedule.learningRate,
    'optimiser.weightDecay': schedule.weightDecay,
    'optimiser.clip': gradientClip,
    'augmentation.share': augmentation.share,
    'augmentation.copies': augmentation.copies,
    'augmentation.cap': augmentation.cap
  }
}

function lineOf({ id, node, points }: KnownObject): string {
  const total = points.reduce((total, { jd, magnitude, error }) => total + jd + magnitude + error, 0)
  return `${id}\n${node}\n${points.length}\n${total}\n`
}

/** A digest of objects with their nodes and points, in any order. */
export function digestOfObjects(objects: readonly KnownObject[]): string {
  return digest(objects.map(lineOf).sort())
}

/** A short digest of texts, one after the other. */
export function digest(parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex').slice(0, 16)
}

/** The predictions of a model for objects at every cut. */
export async function predictedBy(
  classifier: RecurrentClassifier,
  objects: readonly KnownObject[],
  { recipe }: TrainPlan
): Promise<Prediction<KnownObject>[]> {
  const predictions: Prediction<KnownObject>[] = []
  for await (const prediction of predictAll(classifier, objects, recipe.judged.days)) predictions.push(prediction)
  return predictions
}
