import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import { contextVersion } from 'hierax/classifier/context.ts'
import { refuserOf, textOf } from 'hierax/classifier/model-file.ts'
import { readModelFolder } from 'hierax/classifier/model-folder.ts'
import type { NoveltyFile } from 'hierax/classifier/novelty.ts'
import { wholeGroups } from 'hierax/classifier/population.ts'
import { createRuntime } from 'hierax/classifier/runtime.ts'
import { parseTaxonomy } from 'hierax/classifier/taxonomy.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
import { checkRegular } from 'hierax/regular-file.ts'
import { studyContext } from './context/context-study.ts'
import { type AlertData, knownAlerts, readAlertSamples } from './data/alert-samples.ts'
import { foldOf, type KnownObject, knownTo, readLabelled } from './data/labelled.ts'
import { syntheticObjects, syntheticSource } from './data/synthetic.ts'
import { alertTables } from './evaluation/alert-tables.ts'
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
import { puritySamplesOf, purityTable } from './evaluation/purity-tables.ts'
import { originOf, readOwnRun, writeRunFile } from './evaluation/run-file.ts'
import type { Table } from './evaluation/tables.ts'
import { exportModel, type Findings, labelledMix, notesOf, priorsOf } from './export.ts'
import { checkFolds, checkLearnable } from './learnable.ts'
import { leaveOut, leaveOutFile } from './leave-out.ts'
import { formatContext } from './model-writer.ts'
import { drawsOf, inputsOf } from './network/batches.ts'
import { checkOut } from './out-folder.ts'
import { withoutEffect } from './recipe.ts'
import { type Fitted, fitInto, predictedBy, type Session, type TrainListener, type TrainPlan } from './session.ts'

/** Fewer held-out objects give no scale of novelty. */
const fewestForScale = 100
/** Folds of the context term where no cross-validation gives them: it is then judged on objects that the network has seen. */
const contextFolds = 5

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

/** Reads labelled packets, and reports how many can be used. Throws where no label is of the taxonomy. */
async function readLabelledAlerts(paths: readonly string[], session: Session): Promise<AlertData> {
  const { taxonomy, objects, listener } = session
  const data = await readAlertSamples(paths, new Map(objects.map(({ id, label }) => [id, label])))
  const { alerts, notes } = knownAlerts(taxonomy, data.objects)
  for (const note of [...data.notes, ...notes]) listener.note(note)
  if (alerts.length > 0) return data
  const message = `--alerts ${paths.join(', ')}: of ${data.objects.length} objects, none has a label that the taxonomy ${taxonomy.name} knows`
  throw new HieraxError('USAGE', `${message}; labels come from JSON lines, or by object id from --data`)
}

/** What labelled packets give a model; no context term where no group of siblings has enough labelled objects. */
type ContextFindings = Required<Pick<Findings, 'context' | 'purity'>> & { readonly tables: readonly Table[] }

/**
 * Fits the context term of a model on labelled packets. The networks of a cross-validation, if there is one, give the logits
 * of the objects that they have not seen; else the network of all objects does, and its card says so.
 */
async function learnContext(
  { plan, taxonomy, runtime, listener, objects }: Session,
  { objects: alertObjects, notes }: AlertData,
  network: RecurrentClassifier,
  validated: { readonly folds: readonly unknown[]; readonly of?: { readonly foldSeed: number } | undefined } | null
): Promise<ContextFindings> {
  const labels = objects.map(({ node }) => node)
  const shares = priorsOf(taxonomy, labels, drawsOf(taxonomy, labels, plan.recipe.sampling.balance))
  const opened: RecurrentClassifier[] = []
  const ofFold = async (fold: number): Promise<RecurrentClassifier> => {
    if (validated === null) return network
    const model = await readModelFolder(path.join(plan.crossValidation as string, `fold-${fold}`))
    opened.push(new RecurrentClassifier(model, runtime))
    return opened.at(-1) as RecurrentClassifier
  }
  const { alerts: known } = knownAlerts(taxonomy, alertObjects)
  const labelled = new Set(known.map(({ object }) => object.objectId)).size
  listener.note(`Fitting the context term on ${known.length} labelled alerts of ${labelled} objects.`)
  const study = await studyContext({
    ...{ taxonomy, objects: alertObjects, shares },
    ...{
      folds: validated?.folds.length ?? contextFolds,
      foldSeed: validated?.of?.foldSeed ?? plan.recipe.foldSeed,
      network: ofFold
    }
  })
  for (const classifier of opened) classifier.dispose()
  const { file, heldOut, alerts, objects: count } = study
  if (file.nodes.length === 0) {
    listener.note('No group of siblings has two nodes with enough labelled objects: the model gets no context term.')
    return { context: null, purity: [], tables: [] }
  }
  const mixes = { ...plan.populations, labelled: labelledMix(taxonomy, objects) }
  const populations = Object.entries(mixes).map(([name, { shares }]) => ({ name, shares }))
  const stream = populations.find(({ name }) => name === 'stream') ?? populations[0] ?? null
  const seen =
    validated === null ? ['The network had seen some of these objects, which flatters the figures of its alerts.'] : []
  return {
    context: {
      text: formatContext(file),
      card: { ...{ features: contextVersion, alerts, objects: count }, notes: [...notes, ...study.notes, ...seen] }
    },
    purity: populations.flatMap(population =>
      purityTable(puritySamplesOf(heldOut, taxonomy, shares, population), taxonomy, population)
    ),
    tables: alertTables(heldOut, { taxonomy, shares, stream })
  }
}
