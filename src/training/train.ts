import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { CardDraft } from '../classifier/card.ts'
import type { RecurrentClassifier } from '../classifier/classifier.ts'
import { createRuntime, type RuntimeName } from '../classifier/runtime.ts'
import { parseTaxonomy } from '../classifier/taxonomy.ts'
import { HieraxError } from '../errors.ts'
import { parseCandidates } from './candidates.ts'
import { limitationsOf, notesOf, settingsNote } from './card-text.ts'
import { type FitListener, type FitPlan, type FitSession, fitInto } from './checkpointed-fit.ts'
import { crossValidate, readCrossValidation, writeCrossValidation } from './cross-validation.ts'
import type { EvaluationOptions } from './evaluation.ts'
import { exportModel } from './export.ts'
import { type FitState, finalWeights } from './fit.ts'
import { foldOf } from './folds.ts'
import { type KnownObject, knownTo, readLabelled } from './labelled.ts'
import { type Cut, type Prediction, predictAll } from './predict.ts'
import type { Table } from './tables.ts'
import { readTeachers } from './teachers.ts'

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
  /** Folder of a cross-validation whose temperature and figures the card is to have. */
  readonly crossValidation: string | null
  /** Models to learn from, or cross-validations whose networks of the same fold are learned from. */
  readonly teachers: readonly string[]
  /** Sets of classes to judge, as `--among` takes them. */
  readonly among: readonly string[]
  readonly minDetections: number
  readonly days: readonly Cut[]
  readonly bootstrap: number
  readonly card: Pick<CardDraft, 'name' | 'version' | 'description' | 'license'>
  readonly priorPower: number
  /** The command line, for the card. */
  readonly command: string
}

/** Who is told how it goes. */
export interface TrainListener extends FitListener {
  note(text: string): void
  tables(tables: readonly Table[]): void
}

interface Session extends FitSession {
  readonly plan: TrainPlan
  readonly objects: readonly KnownObject[]
  readonly notes: readonly string[]
  readonly evaluation: EvaluationOptions
  readonly listener: TrainListener
}

/**
 * Trains a model of all objects into `plan.out`, or, with folds, cross-validates: a model and its figures for each fold in
 * `plan.out/fold-K`, and `cross-validation.json`. Resolves with false where the signal broke it off; a checkpoint is left
 * then. Throws DATA_INVALID, TAXONOMY_INVALID, INPUT_NOT_FOUND, USAGE, RUNTIME_UNAVAILABLE.
 */
export async function train(plan: TrainPlan, listener: TrainListener, signal: AbortSignal): Promise<boolean> {
  const session = await openSession(plan, listener, signal)
  if (plan.folds === 0) return trainModel(session)
  const predicted = new Map<number, Prediction<KnownObject>[]>()
  const folds = plan.fold === null ? Array.from({ length: plan.folds }, (_, fold) => fold) : [plan.fold]
  for (const fold of folds) {
    const predictions = await trainFold(session, fold)
    if (predictions === null) return false
    predicted.set(fold, predictions)
  }
  const folder = plan.fold === null ? plan.out : foldFolder(plan, plan.fold)
  const found = crossValidate(session.taxonomy, plan.priorPower, session.objects, predicted, session.evaluation)
  await writeCrossValidation(folder, found, plan.command)
  listener.tables(found.tables)
  return true
}

/** Text of a taxonomy file. */
export async function readTaxonomyText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new HieraxError('INPUT_NOT_FOUND', `taxonomy ${file}: ${(cause as Error).message}`, { cause })
  }
}

async function openSession(plan: TrainPlan, listener: TrainListener, signal: AbortSignal): Promise<Session> {
  const taxonomyText = await readTaxonomyText(plan.taxonomy)
  const taxonomy = parseTaxonomy(taxonomyText, plan.taxonomy)
  const among = plan.among.map(text => parseCandidates(taxonomy, text))
  const known = knownTo(taxonomy, await readLabelled(plan.data))
  const notes = notesOf(taxonomy, known)
  for (const note of notes) listener.note(note)
  const objects = known.objects.filter(({ node }) => node >= 0)
  if (objects.length < 2) {
    throw new HieraxError(
      'DATA_INVALID',
      `${plan.data.join(', ')}: ${objects.length} objects have a label below the root`
    )
  }
  const runtime = await createRuntime(plan.runtime)
  listener.note(`Runtime: ${runtime.name === 'node' ? 'tfjs-node' : 'WebAssembly'}.`)
  const evaluation = { among, minDetections: plan.minDetections, bootstrap: plan.bootstrap }
  return { plan, taxonomy, taxonomyText, objects, runtime, notes, evaluation, listener, signal }
}

function foldFolder({ out }: TrainPlan, fold: number): string {
  return path.join(out, `fold-${fold}`)
}

/** One fold: a network of the other folds' objects, and what it says of this one's; null where it was broken off. */
async function trainFold(session: Session, fold: number): Promise<Prediction<KnownObject>[] | null> {
  const { plan, objects, taxonomy, evaluation } = session
  const inFold = ({ id }: KnownObject): boolean => foldOf(id, plan.folds, plan.foldSeed) === fold
  const [test, others] = [objects.filter(inFold), objects.filter(object => !inFold(object))]
  if (test.length === 0 || others.length === 0) {
    throw new HieraxError(
      'USAGE',
      `--folds ${plan.folds}: fold ${fold} has ${test.length} of ${objects.length} objects`
    )
  }
  const folder = foldFolder(plan, fold)
  const title = `fold ${fold + 1} of ${plan.folds}`
  const teachers = await readTeachers(
    plan.teachers.map(each => path.join(each, `fold-${fold}`)),
    taxonomy
  )
  const { state, kept } = await fitInto(session, folder, others, title, teachers)
  if (!state.finished) return null
  const classifier = await exported(session, folder, state, kept, { temperature: null, metrics: [] })
  const predictions = await predictedBy(classifier, test, plan.days)
  const found = crossValidate(taxonomy, plan.priorPower, objects, new Map([[fold, predictions]]), evaluation)
  const judged = await exported(session, folder, state, kept, { temperature: null, metrics: [...found.tables] })
  judged.dispose()
  return predictions
}

/** The model of all objects. */
async function trainModel(session: Session): Promise<boolean> {
  const { plan, taxonomy, objects, evaluation, listener } = session
  const before = plan.crossValidation === null ? null : await readCrossValidation(plan.crossValidation)
  const { state, kept, heldOut } = await fitInto(
    session,
    plan.out,
    objects,
    path.basename(plan.out),
    await readTeachers(plan.teachers, taxonomy)
  )
  if (!state.finished) return false
  let temperature = before?.temperature ?? null
  let metrics: Table[] = (before?.tables ?? []).map(table => ({
    ...table,
    title: `By cross-validation. ${table.title}`
  }))
  if (heldOut.length > 0) {
    const classifier = await exported(session, plan.out, state, kept, { temperature: null, metrics: [] })
    const predictions = await predictedBy(classifier, heldOut, plan.days)
    const found = crossValidate(taxonomy, plan.priorPower, objects, new Map([[0, predictions]]), evaluation)
    temperature ??= found.temperature
    const title = (table: Table): string => `On ${heldOut.length} objects held out from training. ${table.title}`
    metrics = [...metrics, ...found.tables.map(table => ({ ...table, title: title(table) }))]
    listener.tables(found.tables)
  }
  const notes = before === null ? [] : [`Temperature and figures by cross-validation come from \`${before.command}\`.`]
  const model = await exported(session, plan.out, state, kept, { temperature, metrics, notes })
  listener.note(`${plan.out}: ${model.name} ${model.version}, SHA-256 ${model.sha256}`)
  model.dispose()
  return true
}

async function exported(
  { plan, taxonomy, taxonomyText, runtime, notes: found }: Session,
  folder: string,
  state: FitState,
  objects: readonly KnownObject[],
  { temperature, metrics, notes = [] }: Pick<CardDraft, 'temperature' | 'metrics'> & { notes?: readonly string[] }
): Promise<RecurrentClassifier> {
  const training = {
    command: plan.command,
    seed: plan.fit.seed,
    notes: [settingsNote(plan.fit, state, runtime.name), ...found, ...notes]
  }
  const limitations = limitationsOf(taxonomy, objects)
  const decision = { priorPower: plan.priorPower }
  const card = { ...plan.card, training, temperature, decision, metrics, limitations }
  return exportModel(folder, runtime, {
    taxonomy,
    taxonomyText,
    weights: finalWeights(state),
    objects,
    whxe: plan.fit.whxe,
    card
  })
}

async function predictedBy(
  classifier: RecurrentClassifier,
  objects: readonly KnownObject[],
  days: readonly Cut[]
): Promise<Prediction<KnownObject>[]> {
  const predictions: Prediction<KnownObject>[] = []
  for await (const prediction of predictAll(classifier, objects, days)) predictions.push(prediction)
  classifier.dispose()
  return predictions
}
