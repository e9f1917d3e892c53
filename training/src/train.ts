import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import { refuserOf, textOf } from 'hierax/classifier/model/model-file.ts'
import { parseTaxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { createRuntime } from 'hierax/classifier/network/runtime.ts'
import type { NoveltyFile } from 'hierax/classifier/probabilities/novelty.ts'
import { wholeGroups } from 'hierax/classifier/probabilities/population.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
import { checkRegular } from 'hierax/regular-file.ts'
import { foldOf, type KnownObject, knownTo, readLabelled } from './data/labelled.ts'
import { syntheticObjects, syntheticSource } from './data/synthetic.ts'
import { parseCandidates } from './evaluation/class-assignment.ts'
import { crossValidate, crossValidationFile } from './evaluation/cross-validation.ts'
import {
  collectNoveltyFeatures,
  fitNovelty,
  type NoveltyScale,
  type NoveltyScore,
  noveltyScale,
  noveltyScores,
  rangeOf
} from './evaluation/novelty-fit.ts'
import type { Prediction } from './evaluation/predict.ts'
import { originOf, readOwnRun, writeRunFile } from './evaluation/run-file.ts'
import type { Table } from './evaluation/tables.ts'
import { exportModel, labelledMix, notesOf } from './export.ts'
import { learnContext, readLabelledAlerts } from './learn-context.ts'
import { checkFolds, checkLearnable } from './learnable.ts'
import { leaveOut, leaveOutFile } from './leave-out.ts'
import { inputsOf } from './network/batches.ts'
import { checkOut } from './out-folder.ts'
import { withoutEffect } from './recipe.ts'
import { type Fitted, fitInto, predictedBy, type Session, type TrainListener, type TrainPlan } from './session.ts'

/** Fewer held-out objects give no scale of novelty. */
const fewestForScale = 100

/**
 * Trains a model of all objects into `plan.out`, or, with folds, cross-validates: a model and its figures for each fold in
 * `plan.out/fold-K`, and `cross-validation.json`; or, with nodes to leave out, measures how novel their objects look. Resolves
 * with false where the signal interrupted it; a checkpoint is left then. Throws DATA_INVALID, TAXONOMY_INVALID, INPUT_NOT_FOUND,
 * USAGE, RUNTIME_UNAVAILABLE.
 */
export async function train(plan: TrainPlan, listener: TrainListener, signal: AbortSignal): Promise<boolean> {
  const session = await openSession(plan, listener, signal)
  if (plan.leaveOut.length > 0) return leaveOut(session)
  return plan.folds === 0 ? trainModel(session) : trainFolds(session)
}

async function readTaxonomy(file: string): Promise<string> {
  let bytes: Buffer
  try {
    checkRegular(file)
    bytes = await readFile(file)
  } catch (cause) {
    throw new HieraxError('INPUT_NOT_FOUND', `taxonomy ${file}: ${(cause as Error).message}`, { cause })
  }
  return textOf(bytes, refuserOf(file, 'TAXONOMY_INVALID'))
}

async function openSession(plan: TrainPlan, listener: TrainListener, signal: AbortSignal): Promise<Session> {
  await checkOut(plan, listener)
  const { judged, sampling, foldSeed } = plan.recipe
  const taxonomyText = await readTaxonomy(plan.taxonomy)
  const taxonomy = parseTaxonomy(taxonomyText, plan.taxonomy)
  for (const [name, { shares }] of Object.entries(plan.populations)) {
    const refuse = refuserOf(`population ${shown(name)}`, 'USAGE')
    if (name === '__proto__') refuse('a population cannot have this name; choose another')
    wholeGroups(shares, taxonomy, refuse)
  }
  const idle = withoutEffect(sampling.persistent, taxonomy)
  if (idle.length > 0)
    listener.note(`sampling.persistent: not children of the root, so without effect: ${idle.join(', ')}.`)
  const among = judged.among.map(text => parseCandidates(taxonomy, text))
  const read = await readLabelled(plan.data)
  const known = knownTo(taxonomy, [...read, ...syntheticObjects(sampling.synthetic, foldSeed)])
  const notes = notesOf(taxonomy, known)
  for (const note of notes) listener.note(note)
  const objects = known.objects.filter(({ node }) => node >= 0)
  if (objects.length < 2) {
    throw new HieraxError(
      'DATA_INVALID',
      `${plan.data.join(', ')}: ${objects.length} objects have a label below the root`
    )
  }
  for (const note of checkLearnable(taxonomy, objects, plan)) listener.note(note)
  const runtime = await createRuntime(plan.runtime)
  listener.note(`Runtime: ${runtime.name === 'node' ? 'tfjs-node' : 'WebAssembly'}.`)
  const evaluation = { among, minDetections: judged.minDetections, bootstrap: judged.bootstrap }
  return { plan, taxonomy, taxonomyText, objects, runtime, notes, evaluation, listener, signal }
}

async function trainFolds(session: Session): Promise<boolean> {
  const { plan, taxonomy, objects, evaluation, listener } = session
  await checkFolds(plan, objects.filter(isReal))
  const scores: NoveltyScore[] = []
  const predicted = new Map<number, readonly Prediction<KnownObject>[]>()
  const folds = plan.fold === null ? Array.from({ length: plan.folds }, (_, fold) => fold) : [plan.fold]
  for (const fold of folds) {
    const trained = await trainFold(session, fold)
    if (trained === null) return false
    predicted.set(fold, trained.predictions)
    scores.push(...trained.scores)
  }
  const folder = plan.fold === null ? plan.out : path.join(plan.out, `fold-${plan.fold}`)
  const found = crossValidate(taxonomy, plan.recipe.decision, objects.filter(isReal), predicted, evaluation)
  const novelty = noveltyScale(scores, 'objects, each by a network of the other folds')
  await writeRunFile(folder, crossValidationFile, { command: plan.command, of: originOf(session), ...found, novelty })
  listener.tables(found.tables)
  return true
}

function isReal({ source }: KnownObject): boolean {
  return source !== syntheticSource
}

/** Predictions and novelty scores of a fold's objects by a network of the other folds. */
interface TrainedFold {
  readonly predictions: readonly Prediction<KnownObject>[]
  readonly scores: readonly NoveltyScore[]
}

/** One fold; null where it was interrupted. */
async function trainFold(session: Session, fold: number): Promise<TrainedFold | null> {
  const { plan, objects, taxonomy, evaluation } = session
  const isTest = (object: KnownObject): boolean =>
    foldOf(object.id, plan.folds, plan.recipe.foldSeed) === fold && isReal(object)
  const test = objects.filter(isTest)
  const others = objects.filter(object => !isTest(object))
  const name = `fold-${fold}`
  const folder = path.join(plan.out, name)
  const fitted = await fitInto(session, folder, others, `fold ${fold} (of ${plan.folds}, counted from 0)`, name)
  if (!fitted.state.finished) return null
  const classifier = await exportModel(session, folder, fitted)
  const { probe } = await probeOf(session, classifier, fitted)
  const scores = noveltyScores(probe, await collectNoveltyFeatures(classifier, test))
  const atLabelledMix = classifier.withPopulation({ name: 'labelled', ...labelledMix(taxonomy, objects) })
  const predictions = await predictedBy(plan.recipe.sampling.balance > 0 ? atLabelledMix : classifier, test, plan)
  classifier.dispose()
  const folds = new Map([[fold, predictions]])
  const found = crossValidate(taxonomy, plan.recipe.decision, objects.filter(isReal), folds, evaluation)
  const novelty = { ...probe, ...noveltyScale(scores, `${test.length} objects of the fold that was left out`) }
  const judged = await exportModel(session, folder, fitted, { metrics: found.tables, naming: found.naming, novelty })
  judged.dispose()
  return { predictions, scores }
}

/** The model of all objects. */
async function trainModel(session: Session): Promise<boolean> {
  const { plan, taxonomy, objects, evaluation, listener } = session
  const before = plan.crossValidation === null ? null : await readCrossValidation(plan.crossValidation, session)
  const leftOut = plan.leftOut === null ? null : await readOwnRun(plan.leftOut, leaveOutFile, session)
  const alerts = plan.alerts === null ? null : await readLabelledAlerts(plan.alerts, session)
  const fitted = await fitInto(session, plan.out, objects, path.basename(plan.out), '')
  if (!fitted.state.finished) return false
  const { heldOut } = fitted
  const classifier = await exportModel(session, plan.out, fitted)
  const novelty = await noveltyOf(session, classifier, fitted, before?.novelty ?? null)
  let temperature = before?.temperature ?? null
  let naming = before?.naming ?? []
  const metrics = titled('By cross-validation.', before?.tables ?? [])
  if (heldOut.length > 0) {
    const predictions = new Map([[0, await predictedBy(classifier, heldOut, plan)]])
    const found = crossValidate(taxonomy, plan.recipe.decision, objects, predictions, evaluation)
    temperature ??= found.temperature
    if (before === null) naming = found.naming
    metrics.push(...titled(`On ${heldOut.length} objects held out from training.`, found.tables))
    listener.tables(found.tables)
  }
  const learned = alerts === null ? null : await learnContext(session, alerts, classifier, before)
  if (learned !== null) {
    metrics.unshift(...learned.tables)
    listener.tables(learned.tables)
  }
  classifier.dispose()
  metrics.push(...(leftOut?.tables ?? []))
  const notes = [
    ...(before === null ? [] : [`Temperature and figures by cross-validation come from \`${before.command}\`.`]),
    ...(leftOut === null ? [] : [`Figures on classes that were left out come from \`${leftOut.command}\`.`]),
    `Novelty: scale from ${novelty.scaledOn}.`
  ]
  const model = await exportModel(session, plan.out, fitted, {
    ...{ temperature, metrics, notes, naming, novelty },
    ...(learned === null ? {} : { context: learned.context, purity: learned.purity })
  })
  listener.note(`${plan.out}: ${model.name} ${model.version}, SHA-256 ${model.sha256}`)
  model.dispose()
  return true
}

function titled(beginning: string, tables: readonly Table[]): Table[] {
  return tables.map(table => ({ ...table, title: `${beginning} ${table.title}` }))
}

/** The novelty probe of a network, and what it was fitted to. */
async function probeOf({ plan }: Session, classifier: RecurrentClassifier, { kept }: Fitted) {
  const features = await collectNoveltyFeatures(classifier, kept)
  const range = rangeOf(kept, inputsOf(plan.recipe.network.inputs))
  return { features, probe: fitNovelty(features, kept.length, range) }
}

/** The novelty probe; its scale comes from a cross-validation, else from held-out objects, else from the training set. */
async function noveltyOf(
  session: Session,
  classifier: RecurrentClassifier,
  fitted: Fitted,
  validated: NoveltyScale | null
): Promise<NoveltyFile> {
  const { heldOut } = fitted
  const { features, probe } = await probeOf(session, classifier, fitted)
  if (validated !== null) return { ...probe, ...validated }
  if (heldOut.length >= fewestForScale) {
    const scores = noveltyScores(probe, await collectNoveltyFeatures(classifier, heldOut))
    return { ...probe, ...noveltyScale(scores, `${heldOut.length} objects held out from training`) }
  }
  const scaledOn = 'the training objects themselves: objects that were not trained on get higher values'
  return { ...probe, ...noveltyScale(noveltyScores(probe, features), scaledOn) }
}

/** A cross-validation over all folds, of the tree and the objects of this training. Throws USAGE. */
async function readCrossValidation(folder: string, session: Session) {
  const found = await readOwnRun(folder, crossValidationFile, session)
  if (found.folds.length > 1) return found
  const message = `--cross-validation ${folder} is a single fold; train all of them with --folds N --resume, and name the folder that has them`
  throw new HieraxError('USAGE', message)
}
