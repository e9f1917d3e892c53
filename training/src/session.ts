import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { CardDraft } from 'hierax/classifier/card.ts'
import type { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import type { PriorPower } from 'hierax/classifier/decision.ts'
import type { Runtime, RuntimeName } from 'hierax/classifier/runtime.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import { HieraxError } from 'hierax/errors.ts'
import { isHeldOut, type KnownObject } from './data/labelled.ts'
import type { Naming, NamingAges } from './evaluation/class-assignment.ts'
import type { EvaluationOptions } from './evaluation/evaluation.ts'
import { type Cut, type Prediction, predictAll } from './evaluation/predict.ts'
import type { Table } from './evaluation/tables.ts'
import { exportModel, limitationsOf, settingsNote, type Trained } from './export.ts'
import { batchesPerEpoch, drawsOf } from './network/batches.ts'
import { readCheckpoint, type Settings, writeCheckpoint } from './network/checkpoint.ts'
import type { Teacher } from './network/distillation.ts'
import { type EpochRecord, type FitOptions, type FitState, finalWeights, fit, rootBalance } from './network/fit.ts'

/** What `hierax train` is to do. */
export interface TrainPlan extends FitPlan {
  readonly data: readonly string[]
  readonly taxonomy: string
  readonly out: string
  readonly runtime: RuntimeName
  /** Cross-validation over so many folds instead of a model of all objects; 0: none. */
  readonly folds: number
  /** Only this one of them, 0 … folds − 1. */
  readonly fold: number | null
  /** Nodes without whose objects to train, one after another, to try how novel they look; empty for none. */
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
  /** Sentences for the card beside those that follow from the training set. */
  readonly limitations: readonly string[]
  /** Synthetic objects to add to the training, if any; they are never judged. */
  readonly synthetic: number
  /** Labelled packets for a context term; null for none. */
  readonly alerts: readonly string[] | null
  /** Sets of classes to judge, as `--among` takes them. */
  readonly among: readonly string[]
  readonly minDetections: number
  readonly days: readonly Cut[]
  readonly bootstrap: number
  readonly card: Pick<CardDraft, 'name' | 'version' | 'description' | 'license'>
  readonly priorPower: PriorPower
  /** Ages at which the best F1 to be expected decides among a set of classes; empty for none. */
  readonly namingAges: NamingAges
  /** The command line, for the card. */
  readonly command: string
}

/** Who is told how it goes. */
export interface TrainListener extends FitListener {
  note(text: string): void
  tables(tables: readonly Table[]): void
}

/** What all parts of a run have in common. */
export interface Session extends FitSession {
  readonly plan: TrainPlan
  readonly objects: readonly KnownObject[]
  readonly notes: readonly string[]
  readonly evaluation: EvaluationOptions
  readonly listener: TrainListener
}

/** What a card says beside how the network was trained. */
export interface Findings extends Pick<CardDraft, 'temperature' | 'metrics'> {
  readonly notes?: readonly string[]
  readonly naming?: Naming
  readonly novelty: Trained['novelty']
  readonly context?: Trained['context']
  readonly purity?: CardDraft['purity']
}

/** Nothing is known yet: for a model that is still to be judged. */
export const unjudged: Findings = { temperature: null, metrics: [], novelty: null }

/** Writes a trained network as a model folder and opens it. */
export async function exported(
  { plan, taxonomy, taxonomyText, runtime, notes: found }: Session,
  folder: string,
  state: FitState,
  objects: readonly KnownObject[],
  { temperature, metrics, notes = [], naming = [], novelty, context = null, purity }: Findings
): Promise<RecurrentClassifier> {
  const training = {
    command: plan.command,
    seed: plan.fit.seed,
    notes: [settingsNote(plan.fit, state, runtime.name), ...found, ...notes]
  }
  const limitations = [...plan.limitations, ...limitationsOf(taxonomy, objects)]
  const { priorPower } = plan
  const decision = {
    priorPower: typeof priorPower === 'number' ? priorPower : [...priorPower],
    ...(naming.length > 0 ? { naming } : {})
  }
  const card = {
    ...{ ...plan.card, inputs: plan.fit.inputs, training, temperature, decision, metrics, limitations },
    ...(purity === undefined ? {} : { purity })
  }
  return exportModel(folder, runtime, {
    taxonomy,
    taxonomyText,
    weights: finalWeights(state),
    objects,
    whxe: plan.fit.whxe,
    sampling: plan.fit.sampling,
    balance: plan.fit.balance,
    populations: plan.populations,
    context,
    novelty,
    card
  })
}

/** What a model says of objects at every cut. */
export async function predictedBy(
  classifier: RecurrentClassifier,
  objects: readonly KnownObject[],
  days: readonly Cut[]
): Promise<Prediction<KnownObject>[]> {
  const predictions: Prediction<KnownObject>[] = []
  for await (const prediction of predictAll(classifier, objects, days)) predictions.push(prediction)
  return predictions
}

/** What the training of one network is to be. */
export interface FitPlan {
  readonly fit: FitOptions
  /** Seed of the division into folds and of what is held out. */
  readonly foldSeed: number
  /** Share of the training objects that is held out, for early stopping and temperature. */
  readonly heldOut: number
  readonly resume: boolean
}

/** Who is told how the training of a network goes. */
export interface FitListener {
  /** A network's training begins: `done` of `total` batches were done before. */
  begin(title: string, total: number, done: number): Promise<void>
  batch(): void
  epoch(record: EpochRecord, epochs: number): Promise<void>
  end(): void
}

/** What all networks of a run have in common. */
export interface FitSession {
  readonly plan: FitPlan
  readonly taxonomy: Taxonomy
  readonly taxonomyText: string
  readonly runtime: Runtime
  readonly listener: FitListener
  readonly signal: AbortSignal
}

/** Fits a network of `objects`, but for the held-out ones, with its checkpoint in `folder/training`. */
export async function fitInto(
  { plan, taxonomy, taxonomyText, runtime, listener, signal }: FitSession,
  folder: string,
  objects: readonly KnownObject[],
  title: string,
  teachers: readonly Teacher[],
  start: Teacher | null
): Promise<{ state: FitState; kept: KnownObject[]; heldOut: KnownObject[] }> {
  const heldOut = objects.filter(({ id }) => isHeldOut(id, plan.heldOut, plan.foldSeed))
  const kept = objects.filter(({ id }) => !isHeldOut(id, plan.heldOut, plan.foldSeed))
  const file = path.join(folder, 'training', 'checkpoint.json')
  await mkdir(folder, { recursive: true })
  const settings = settingsOf(plan, taxonomyText, runtime, kept, heldOut, teachers, start)
  const resumed = await resumable(plan, file, settings)
  const draws = drawsOf(
    kept.map(({ node }) => node),
    rootBalance(taxonomy, plan.fit.balance)
  )
  const perEpoch = batchesPerEpoch(
    draws.reduce((sum, each) => sum + each, 0),
    plan.fit.batch
  )
  const done = resumed === null ? 0 : resumed.epoch * perEpoch + resumed.batch
  await listener.begin(title, perEpoch * plan.fit.epochs, done)
  try {
    const state = await fit(runtime, taxonomy, kept, heldOut, plan.fit, {
      resumed,
      teachers,
      start: start?.weights ?? null,
      signal,
      onBatch: () => listener.batch(),
      onEpoch: record => listener.epoch(record, plan.fit.epochs),
      save: state => writeCheckpoint(file, settings, state)
    })
    return { state, kept, heldOut }
  } finally {
    listener.end()
  }
}

/** The state to go on from. A training that was broken off is not begun anew unasked. */
async function resumable(plan: FitPlan, file: string, settings: Settings): Promise<FitState | null> {
  if (plan.resume) return readCheckpoint(file, settings)
  const left = await readCheckpoint(file, settings).catch(() => null)
  if (left === null || left.finished) return null
  const where = `${file}: a training with these options was broken off in epoch ${left.epoch + 1}`
  throw new HieraxError('USAGE', `${where}; go on with --resume, or remove that file to begin anew`)
}

function settingsOf(
  { fit }: FitPlan,
  taxonomyText: string,
  runtime: Runtime,
  kept: readonly KnownObject[],
  heldOut: readonly KnownObject[],
  teachers: readonly Teacher[],
  start: Teacher | null
): Settings {
  const flat: Record<string, string | number> = { runtime: runtime.name }
  for (const [key, value] of Object.entries(fit)) {
    if (typeof value !== 'object') flat[key] = value as string | number
    else for (const [inner, each] of Object.entries(value)) flat[`${key}.${inner}`] = each as string | number
  }
  const digest = (objects: readonly KnownObject[]): string => {
    const hash = createHash('sha256')
    for (const { id, node, points } of objects) {
      const sum = points.reduce((total, { jd, magnitude, error }) => total + jd + magnitude + error, 0)
      hash.update(`${id}\n${node}\n${points.length}\n${sum}\n`)
    }
    return hash.digest('hex').slice(0, 16)
  }
  const taxonomy = createHash('sha256').update(taxonomyText).digest('hex').slice(0, 16)
  const taught = teachers.map(({ sha256 }) => sha256.slice(0, 16)).join()
  const begun = start === null ? {} : { start: start.sha256.slice(0, 16) }
  return { ...flat, ...begun, taxonomy, teachers: taught, objects: digest(kept), heldOut: digest(heldOut) }
}
