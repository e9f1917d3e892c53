import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { parseTaxonomy, type Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import type { Runtime } from 'hierax/classifier/network/runtime.ts'
import { z } from 'zod'
import { foldOf, type KnownObject } from '../data/labelled.ts'
import type { Cut, Prediction } from '../evaluation/predict.ts'
import { exportModel } from '../export.ts'
import { logitCorrection, nodeWeights } from '../network/whxe.ts'
import { fitInto, predictedBy, type TrainListener, type TrainPlan } from '../session.ts'
import { withCoarseLabels } from './coarse-labels.ts'
import { classesOf, flatTree, inClasses, type Study, type StudyNetwork, type StudyPart } from './study.ts'

/** One network of a study to be trained on all folds but one. */
export interface StudyRun {
  readonly network: StudyNetwork
  readonly fold: number
  /** Share of the training labels that are replaced by their parents. */
  readonly coarse: number
  readonly coarsest: StudyPart['coarsest']
}

/** What all runs of a study have in common. */
export interface StudySession {
  readonly study: Study
  readonly objects: readonly KnownObject[]
  readonly runtime: Runtime
  /** Folder of the runs. */
  readonly out: string
  readonly command: string
  readonly listener: TrainListener
  readonly signal: AbortSignal
}

/** Predictions of a run for the objects of its fold, as probabilities of the nodes of the study's tree. */
export interface RunResult {
  /** With the weights W^β divided out. */
  readonly predictions: readonly Prediction<KnownObject>[]
  /** As the network was trained, with the weights; null where there are none (β = 0). */
  readonly weighted: readonly Prediction<KnownObject>[] | null
  readonly trainingObjects: number
}

/** All runs that a study needs, each once. */
export function runsOf({ parts, networks }: Study): StudyRun[] {
  const runs = parts.flatMap(part =>
    part.folds.flatMap(fold =>
      part.coarse.flatMap(coarse =>
        part.networks.map((name): StudyRun => {
          return { network: networks.get(name) as StudyNetwork, fold, coarse, coarsest: part.coarsest }
        })
      )
    )
  )
  return [...new Map(runs.map(run => [keyOf(run), run])).values()].sort((a, b) => a.fold - b.fold)
}

/** Name of a run's folder: what it is, and a digest of all that its outcome depends on but the data. */
function keyOf({ network: { name, ...settings }, fold, coarse, coarsest }: StudyRun): string {
  const identity = JSON.stringify([settings, coarse, coarse > 0 ? coarsest : null])
  const slug = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  const labels = coarse > 0 ? `-${100 * coarse}` : ''
  return path.join(`${slug}${labels}-${digest(identity)}`, `fold-${fold}`)
}

const resultShape = z.object({
  settings: z.string(),
  trainingObjects: z.number(),
  /** What the weights subtract from the logits, by node; null without weights. */
  correction: z.record(z.string(), z.number()).nullable()
})

const lineShape = z.object({
  id: z.string(),
  days: z.union([z.number(), z.literal('full')]),
  age: z.number(),
  nodes: z.record(z.string(), z.number())
})

/**
 * The result of a run: read where an earlier one with the same settings and objects left it, else trained. A training that was
 * interrupted is resumed. Resolves with null where the signal interrupts it. Throws as `train` does.
 */
export async function resultOf(session: StudySession, run: StudyRun): Promise<RunResult | null> {
  const folder = path.join(session.out, 'runs', keyOf(run))
  const parts = partsOf(session, run)
  const settings = settingsOf(session, run, parts)
  const read = (await readResult(folder, settings)) ?? (await trainRun(session, run, folder, parts, settings))
  if (read === null) return null
  const byId = new Map(session.objects.map(object => [object.id, object]))
  const { taxonomy } = session.study
  const predictions = read.lines.map(line => predictionOf(taxonomy, line, byId.get(line.id) as KnownObject))
  const { correction } = read
  return {
    predictions,
    weighted:
      correction === null
        ? null
        : read.lines.map((line, at) => {
            const nodes = withWeights(parts.taxonomy, line.nodes, correction)
            return predictionOf(taxonomy, { ...line, nodes }, (predictions[at] as Prediction<KnownObject>).object)
          }),
    trainingObjects: read.trainingObjects
  }
}

/** The tree of a run's network, and its objects with their nodes in this tree. */
interface RunParts {
  readonly taxonomy: Taxonomy
  readonly taxonomyText: string
  readonly training: readonly KnownObject[]
  readonly test: readonly KnownObject[]
}

function partsOf({ study, objects }: StudySession, { network, fold, coarse, coarsest }: StudyRun): RunParts {
  const { taxonomy, taxonomyText, folds, recipe, targets } = study
  const isTest = ({ id }: KnownObject): boolean => foldOf(id, folds, recipe.foldSeed) === fold
  const others = objects.filter(object => !isTest(object))
  const labelled = withCoarseLabels(taxonomy, others, { share: coarse, coarsest })
  const test = objects.filter(isTest)
  if (network.target === undefined) return { taxonomy, taxonomyText, training: labelled, test }
  const classes = classesOf(taxonomy, targets.get(network.target) ?? '', objects)
  const text = flatTree(taxonomy, classes)
  return {
    taxonomy: parseTaxonomy(text),
    taxonomyText: text,
    training: inClasses(taxonomy, classes, labelled),
    test: inClasses(taxonomy, classes, test)
  }
}

function settingsOf(
  { study, runtime }: StudySession,
  run: StudyRun,
  { taxonomyText, training, test }: RunParts
): string {
  const lines = [...training, ...test].map(({ id, node, points }) => `${id} ${node} ${points.length}`)
  const { card, decision, ...recipe } = study.recipe
  return digest(JSON.stringify([keyOf(run), study.folds, runtime.name, recipe, taxonomyText, lines]))
}

interface StoredResult extends Pick<z.infer<typeof resultShape>, 'correction' | 'trainingObjects'> {
  readonly lines: readonly z.infer<typeof lineShape>[]
}

/** The result of an earlier run; null if there is none, or if it has other settings or objects. */
async function readResult(folder: string, settings: string): Promise<StoredResult | null> {
  try {
    const result = resultShape.parse(JSON.parse(await readFile(path.join(folder, 'run.json'), 'utf8')))
    if (result.settings !== settings) return null
    const text = gunzipSync(await readFile(path.join(folder, predictionsFile))).toString()
    const lines = text.trimEnd().split('\n')
    return { ...result, lines: lines.map(line => lineShape.parse(JSON.parse(line))) }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw cause
  }
}

const predictionsFile = 'predictions.jsonl.gz'

async function trainRun(
  { study, runtime, listener, signal, command }: StudySession,
  { network, fold, coarse }: StudyRun,
  folder: string,
  { taxonomy, taxonomyText, training, test }: RunParts,
  settings: string
): Promise<StoredResult | null> {
  const { alpha, beta, labelsCount } = network
  const recipe = { ...study.recipe, loss: { ...study.recipe.loss, alpha, beta, labelsCount } }
  const plan: TrainPlan = {
    ...{ data: [], taxonomy: taxonomy.name, out: folder, runtime: runtime.name, recipe, recipeName: null },
    ...{ resume: true, overwrite: true, folds: study.folds, fold, leaveOut: [], leftOut: null, crossValidation: null },
    ...{ start: null, teachers: [], populations: {}, alerts: null, name: path.basename(path.dirname(folder)) },
    ...{ version: '1', command }
  }
  const session = { plan, taxonomy, taxonomyText, objects: training, runtime, listener, signal }
  const evaluation = { among: [], minDetections: 1, bootstrap: 0 }
  const labels = coarse > 0 ? `, ${100 * coarse} % coarse labels` : ''
  const title = `${network.name}${labels}, fold ${fold} (of ${study.folds}, counted from 0)`
  const fitted = await fitInto({ ...session, notes: [], evaluation }, folder, training, title, null)
  if (!fitted.state.finished) return null
  const classifier = await exportModel({ ...session, notes: [] }, folder, fitted)
  const predictions = await predictedBy(classifier, test, plan)
  classifier.dispose()
  const lines = predictions.map(({ object, cut, age, probability }) => {
    const nodes = taxonomy.nodes.map(({ name }, node) => [name, Number((probability[node] as number).toPrecision(6))])
    return {
      id: object.id,
      label: object.label,
      days: cut,
      age: Number(age.toFixed(4)),
      nodes: Object.fromEntries(nodes)
    }
  })
  const nodes = training.map(({ node }) => node)
  const corrections = logitCorrection(taxonomy, nodeWeights(taxonomy, nodes, labelsCount), beta)
  const correction =
    beta === 0 ? null : Object.fromEntries(taxonomy.nodes.map(({ name }, node) => [name, corrections[node] as number]))
  const result = { settings, trainingObjects: training.length, correction }
  await mkdir(folder, { recursive: true })
  const write = async (name: string, content: string | Buffer): Promise<void> => {
    const file = path.join(folder, name)
    await writeFile(`${file}.tmp`, content)
    await rename(`${file}.tmp`, file)
  }
  await write(predictionsFile, gzipSync(lines.map(line => JSON.stringify(line)).join('\n')))
  await write('run.json', `${JSON.stringify({ network, fold, coarse, ...result }, null, 1)}\n`)
  return { lines, ...result }
}

/** Probabilities of nodes by name, in the order of the study's tree; nodes that are not named get 0. */
function predictionOf(
  taxonomy: Taxonomy,
  { days, age, nodes }: { readonly days: Cut; readonly age: number; readonly nodes: Readonly<Record<string, number>> },
  object: KnownObject
): Prediction<KnownObject> {
  const probability = Float64Array.from(taxonomy.nodes, ({ name }) => nodes[name] ?? 0)
  return { object, cut: days, age, probability, conditional: probability, novelty: null }
}

/** Probabilities with the weights: every conditional times W^β, renormalised among siblings. */
export function withWeights(
  taxonomy: Taxonomy,
  nodes: Readonly<Record<string, number>>,
  correction: Readonly<Record<string, number>>
): Record<string, number> {
  const names = taxonomy.nodes.map(({ name }) => name)
  const weighted: Record<string, number> = {}
  // Parents come before their children in a taxonomy.
  for (const group of taxonomy.siblings) {
    const shares = group.map(
      node => (nodes[names[node] as string] ?? 0) * Math.exp(-(correction[names[node] as string] ?? 0))
    )
    const total = shares.reduce((a, b) => a + b, 0)
    const parent = taxonomy.parents[group[0] as number] as number
    const above = parent < 0 ? 1 : (weighted[names[parent] as string] as number)
    for (const [at, node] of group.entries()) {
      weighted[names[node] as string] = total > 0 ? (above * (shares[at] as number)) / total : above / group.length
    }
  }
  return weighted
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}
