import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import { contextVersion } from 'hierax/classifier/context.ts'
import type { InputSet } from 'hierax/classifier/input-sets.ts'
import { readModelFolder } from 'hierax/classifier/model-folder.ts'
import type { NoveltyFile } from 'hierax/classifier/novelty.ts'
import { createRuntime } from 'hierax/classifier/runtime.ts'
import { parseTaxonomy } from 'hierax/classifier/taxonomy.ts'
import { HieraxError } from 'hierax/errors.ts'
import { studyContext } from './context/context-study.ts'
import { readAlertSamples } from './data/alert-samples.ts'
import { foldOf, type KnownObject, knownTo, readLabelled } from './data/labelled.ts'
import { syntheticObjects, syntheticSource } from './data/synthetic.ts'
import { alertTables } from './evaluation/alert-tables.ts'
import { parseCandidates } from './evaluation/class-assignment.ts'
import { crossValidate, readCrossValidation, writeCrossValidation } from './evaluation/cross-validation.ts'
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
import type { Table } from './evaluation/tables.ts'
import { labelledMix, notesOf, priorsOf } from './export.ts'
import { leaveOut, readLeftOut } from './leave-out.ts'
import { formatContext } from './model-writer.ts'
import { drawsOf } from './network/batches.ts'
import { readTeachers } from './network/distillation.ts'
import { inputsOf, rootBalance } from './network/fit.ts'
import {
  exported,
  type Findings,
  fitInto,
  predictedBy,
  type Session,
  type TrainListener,
  type TrainPlan,
  unjudged
} from './session.ts'

/** Fewer held-out objects give no scale of novelty. */
const fewestForScale = 100

/**
 * Trains a model of all objects into `plan.out`, or, with folds, cross-validates: a model and its figures for each fold in
 * `plan.out/fold-K`, and `cross-validation.json`; or, with nodes to leave out, tries how novel their objects look. Resolves
 * with false where the signal broke it off; a checkpoint is left then. Throws DATA_INVALID, TAXONOMY_INVALID, INPUT_NOT_FOUND, USAGE, RUNTIME_UNAVAILABLE.
 */
export async function train(plan: TrainPlan, listener: TrainListener, signal: AbortSignal): Promise<boolean> {
  const session = await openSession(plan, listener, signal)
  if (plan.leaveOut.length > 0) return leaveOut(session)
  if (plan.folds === 0) return trainModel(session)
  const scores: NoveltyScore[] = []
  const predicted = new Map<number, readonly Prediction<KnownObject>[]>()
  const folds = plan.fold === null ? Array.from({ length: plan.folds }, (_, fold) => fold) : [plan.fold]
  for (const fold of folds) {
    const trained = await trainFold(session, fold)
    if (trained === null) return false
    predicted.set(fold, trained.predictions)
    scores.push(...trained.scores)
  }
  const folder = plan.fold === null ? plan.out : foldFolder(plan, plan.fold)
  const real = session.objects.filter(({ source }) => source !== syntheticSource)
  const found = crossValidate(session.taxonomy, plan, real, predicted, session.evaluation)
  await writeCrossValidation(
    folder,
    found,
    noveltyScale(scores, 'objects, each by a network of the other folds'),
    plan.command
  )
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
  const read = await readLabelled(plan.data)
  const known = knownTo(taxonomy, [...read, ...syntheticObjects(plan.synthetic, plan.foldSeed)])
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

/** What a network of the other folds' objects says of a fold's. */
interface TrainedFold {
  readonly predictions: readonly Prediction<KnownObject>[]
  readonly scores: readonly NoveltyScore[]
}

/** One fold; null where it was broken off. */
async function trainFold(session: Session, fold: number): Promise<TrainedFold | null> {
  const { plan, objects, taxonomy, evaluation } = session
  const inFold = ({ id }: KnownObject): boolean => foldOf(id, plan.folds, plan.foldSeed) === fold
  const isSynthetic = ({ source }: KnownObject): boolean => source === syntheticSource
  const test = objects.filter(object => inFold(object) && !isSynthetic(object))
  const others = objects.filter(object => !inFold(object) || isSynthetic(object))
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
    taxonomy,
    inputsOf(plan.fit.inputs)
  )
  const [start = null] = await readTeachers(
    plan.start === null ? [] : [path.join(plan.start, `fold-${fold}`)],
    taxonomy,
    inputsOf(plan.fit.inputs)
  )
  const { state, kept } = await fitInto(session, folder, others, title, teachers, start)
  if (!state.finished) return null
  const classifier = await exported(session, folder, state, kept, unjudged)
  const fitted = fitNovelty(
    await collectNoveltyFeatures(classifier, kept),
    kept.length,
    rangeOf(kept, inputsOf(plan.fit.inputs))
  )
  const scores = noveltyScores(fitted, await collectNoveltyFeatures(classifier, test))
  const atLabelledMix = classifier.withPopulation({ name: 'labelled', ...labelledMix(taxonomy, objects) })
  const predictions = await predictedBy(plan.fit.balance.share > 0 ? atLabelledMix : classifier, test, plan.days)
  classifier.dispose()
  const real = objects.filter(object => !isSynthetic(object))
  const found = crossValidate(taxonomy, plan, real, new Map([[fold, predictions]]), evaluation)
  const novelty = { ...fitted, ...noveltyScale(scores, `${test.length} objects of the fold that was left out`) }
  const findings = { ...unjudged, metrics: [...found.tables], naming: found.naming, novelty }
  const judged = await exported(session, folder, state, kept, findings)
  judged.dispose()
  return { predictions, scores }
}

/** The model of all objects. */
async function trainModel(session: Session): Promise<boolean> {
  const { plan, taxonomy, objects, evaluation, listener } = session
  const before = plan.crossValidation === null ? null : await readCrossValidation(plan.crossValidation)
  const [start = null] = await readTeachers(
    plan.start === null ? [] : [plan.start],
    taxonomy,
    inputsOf(plan.fit.inputs)
  )
  const { state, kept, heldOut } = await fitInto(
    session,
    plan.out,
    objects,
    path.basename(plan.out),
    await readTeachers(plan.teachers, taxonomy, inputsOf(plan.fit.inputs)),
    start
  )
  if (!state.finished) return false
  const leftOut = plan.leftOut === null ? null : await readLeftOut(plan.leftOut)
  const classifier = await exported(session, plan.out, state, kept, unjudged)
  const inputs = inputsOf(plan.fit.inputs)
  const novelty = await noveltyOf(classifier, kept, inputs, heldOut, before?.novelty ?? null)
  let temperature = before?.temperature ?? null
  let naming = before?.naming ?? []
  let metrics: Table[] = (before?.tables ?? []).map(table => ({
    ...table,
    title: `By cross-validation. ${table.title}`
  }))
  if (heldOut.length > 0) {
    const predictions = await predictedBy(classifier, heldOut, plan.days)
    const found = crossValidate(taxonomy, plan, objects, new Map([[0, predictions]]), evaluation)
    temperature ??= found.temperature
    if (before === null) naming = found.naming
    const title = (table: Table): string => `On ${heldOut.length} objects held out from training. ${table.title}`
    metrics = [...metrics, ...found.tables.map(table => ({ ...table, title: title(table) }))]
    listener.tables(found.tables)
  }
  const learned =
    plan.alerts === null
      ? null
      : await learnContext(session, plan.alerts, classifier, objects, before === null ? null : before.folds.length)
  if (learned !== null) {
    metrics = [...learned.tables, ...metrics]
    listener.tables(learned.tables)
  }
  classifier.dispose()
  metrics.push(...(leftOut?.tables ?? []))
  const notes = [
    ...(before === null ? [] : [`Temperature and figures by cross-validation come from \`${before.command}\`.`]),
    ...(leftOut === null ? [] : [`Figures on classes that were left out come from \`${leftOut.command}\`.`]),
    `Novelty: scale from ${novelty.scaledOn}.`
  ]
  const findings = { temperature, metrics, notes, naming, novelty }
  const model = await exported(session, plan.out, state, kept, {
    ...findings,
    ...(learned === null ? {} : { context: learned.context, purity: learned.purity })
  })
  listener.note(`${plan.out}: ${model.name} ${model.version}, SHA-256 ${model.sha256}`)
  model.dispose()
  return true
}

/** The probe of novelty; its scale comes from a cross-validation, else from what was held out, else, for want of better, from the training set. */
async function noveltyOf(
  classifier: RecurrentClassifier,
  kept: readonly KnownObject[],
  inputs: InputSet,
  heldOut: readonly KnownObject[],
  validated: NoveltyScale | null
): Promise<NoveltyFile> {
  const features = await collectNoveltyFeatures(classifier, kept)
  const fitted = fitNovelty(features, kept.length, rangeOf(kept, inputs))
  if (validated !== null) return { ...fitted, ...validated }
  if (heldOut.length >= fewestForScale) {
    const scores = noveltyScores(fitted, await collectNoveltyFeatures(classifier, heldOut))
    return { ...fitted, ...noveltyScale(scores, `${heldOut.length} objects held out from training`) }
  }
  const scaledOn = 'the training objects themselves: objects that were not trained on get higher values'
  return { ...fitted, ...noveltyScale(noveltyScores(fitted, features), scaledOn) }
}

/** What labelled packets give a model. */
export interface ContextFindings {
  /** Null where no group of siblings has enough labelled objects. */
  readonly context: NonNullable<Findings['context']> | null
  readonly purity: NonNullable<Findings['purity']>
  /** How the answers hold on objects that neither network nor context term had seen. */
  readonly tables: readonly Table[]
}

/** Folds where no cross-validation gives them: the term is then judged on objects that the network has seen. */
const ownFolds = 5

/**
 * Fits the context term of a model on the labelled packets of the plan. The networks of a cross-validation, if there is one, give
 * the logits of the objects that they have not seen; else the network of all objects does, and its card says so.
 */
export async function learnContext(
  { plan, taxonomy, runtime, listener }: Session,
  paths: readonly string[],
  network: RecurrentClassifier,
  objects: readonly KnownObject[],
  folds: number | null
): Promise<ContextFindings> {
  const { objects: alertObjects, notes } = await readAlertSamples(paths, { labels: labelsOf(objects) })
  const labels = objects.map(({ node }) => node)
  const shares = priorsOf(taxonomy, labels, drawsOf(labels, rootBalance(taxonomy, plan.fit.balance)))
  const opened: RecurrentClassifier[] = []
  const ofFold = async (fold: number): Promise<RecurrentClassifier> => {
    if (folds === null) return network
    const model = await readModelFolder(path.join(plan.crossValidation as string, `fold-${fold}`))
    const classifier = new RecurrentClassifier(model, runtime)
    opened.push(classifier)
    return classifier
  }
  listener.note(`Fitting the context term on ${alertObjects.length} objects of ${paths.join(', ')}.`)
  const study = await studyContext({
    ...{ taxonomy, objects: alertObjects, shares },
    ...{ folds: folds ?? ownFolds, foldSeed: plan.foldSeed, network: ofFold }
  })
  for (const classifier of opened) classifier.dispose()
  const mixes = { ...plan.populations, labelled: labelledMix(taxonomy, objects) }
  const populations = Object.entries(mixes).map(([name, { shares }]) => ({ name, shares }))
  const stream = populations.find(({ name }) => name === 'stream') ?? populations[0] ?? null
  const tables = alertTables(study.heldOut, { taxonomy, shares, labelled: null, stream })
  const { file } = study
  if (file.nodes.length === 0) {
    listener.note('No group of siblings has two nodes with enough labelled objects: the model gets no context term.')
    return { context: null, purity: [], tables: [] }
  }
  const seen =
    folds === null ? ['The network had seen some of these objects, which flatters the figures of its alerts.'] : []
  return {
    context: {
      text: formatContext(file),
      card: {
        features: contextVersion,
        alerts: study.alerts,
        objects: study.objects,
        notes: [...notes, ...study.notes, ...seen]
      }
    },
    purity: populations.flatMap(population =>
      purityTable(puritySamplesOf(study.heldOut, taxonomy, shares, population), taxonomy, population)
    ),
    tables
  }
}

function labelsOf(objects: readonly KnownObject[]): Map<string, string> {
  return new Map(objects.map(({ id, label }) => [id, label]))
}
