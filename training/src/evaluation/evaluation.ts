import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import type { KnownObject } from '../data/labelled.ts'
import {
  type Candidates,
  type ClassAssignment,
  candidatesAtDepth,
  classOf,
  classProbabilities,
  depthOf,
  isBelow,
  ranked,
  treeDistance
} from './class-assignment.ts'
import {
  bootstrapErrors,
  type ClassScores,
  classScores,
  confusionMatrix,
  type Judged,
  type PurityPoint,
  purityCurve,
  Reliability,
  type ReliabilityBin,
  reliabilityOf,
  type Scores,
  scores
} from './metrics.ts'
import type { Cut, Prediction } from './predict.ts'

const noveltyBins = 20

/** How a set of classes fares at a cut. */
export interface SetEvaluation {
  readonly title: string
  readonly classes: readonly string[]
  readonly objects: number
  readonly scores: Scores | null
  /** Standard deviations by bootstrap over objects; null without bootstrap. */
  readonly errors: Record<keyof Scores, number> | null
  readonly perClass: readonly ClassScores[]
  /** Rows: true class; columns: named class. */
  readonly confusion: readonly (readonly number[])[]
  readonly purity: Readonly<Record<string, readonly PurityPoint[]>>
  /** Of the largest probability. */
  readonly reliability: readonly ReliabilityBin[]
  /** Mean number of edges between the named class and the label, of the mistakes only; null without mistakes. */
  readonly mistakeDistance: number | null
}

/** Whether the probability of a node can be taken at its word. */
export interface NodeCalibration {
  readonly node: string
  /** Objects whose labels tell whether they belong to the node, and those that do. */
  readonly objects: number
  readonly members: number
  readonly meanProbability: number
  readonly calibrationError: number
  readonly brier: number
  readonly bins: readonly ReliabilityBin[]
}

/** Everything that is measured at a cut. */
export interface CutEvaluation {
  readonly days: Cut
  readonly objects: number
  readonly sets: readonly SetEvaluation[]
  readonly nodes: readonly NodeCalibration[]
  /** Null where the model judges no novelty. */
  readonly novelty: NoveltyCounts | null
}

/** Numbers of objects by novelty, in 20 bins of equal width. */
export interface NoveltyCounts {
  readonly known: readonly number[]
  /** Of objects whose labels the taxonomy doesn't know. */
  readonly others: readonly number[]
}

/** What is to be measured. */
export interface EvaluationOptions {
  readonly among: readonly Candidates[]
  /** Objects with fewer detections on their whole curve are not judged among `among`. */
  readonly minDetections: number
  /** Samples of the bootstrap; 0: none. */
  readonly bootstrap: number
}

/** Sets of classes that are judged: every depth of the tree, and the sets given. */
export function setsOf(taxonomy: Taxonomy, among: readonly Candidates[]): Candidates[] {
  const depths = Array.from({ length: depthOf(taxonomy) }, (_, at) => candidatesAtDepth(taxonomy, at + 1))
  return [...depths, ...among]
}

/** Measures the predictions of one cut. `others` are those of objects that can't be judged but for their novelty. */
export function evaluateCut(
  taxonomy: Taxonomy,
  rule: ClassAssignment,
  predictions: readonly Prediction<KnownObject>[],
  options: EvaluationOptions,
  others: readonly Pick<Prediction, 'novelty'>[] = []
): CutEvaluation {
  const enough = predictions.filter(({ object }) => object.detections >= options.minDetections)
  const sets = setsOf(taxonomy, options.among).map(candidates => {
    const among = options.among.includes(candidates)
    return evaluateSet(taxonomy, rule, candidates, among ? enough : predictions, options.bootstrap)
  })
  const nodes = taxonomy.nodes.map((_, node) => calibrationOf(taxonomy, node, predictions))
  const judges = predictions.some(({ novelty }) => novelty !== null)
  const novelty = judges ? { known: noveltyCounts(predictions), others: noveltyCounts(others) } : null
  return { days: predictions[0]?.cut ?? 'full', objects: predictions.length, sets, nodes, novelty }
}

/** Judges predictions among classes. Objects that belong to none of them are left out. */
export function evaluateSet(
  taxonomy: Taxonomy,
  rule: ClassAssignment,
  candidates: Candidates,
  predictions: readonly Prediction<KnownObject>[],
  bootstrap: number
): SetEvaluation {
  const { title, classes } = candidates
  const judged: Judged[] = []
  let mistakes = 0
  let distance = 0
  for (const { object, probability, age } of predictions) {
    const truth = classOf(taxonomy, candidates, object.node)
    if (truth < 0) continue
    const probabilities = classProbabilities(candidates, probability)
    const [named, second] = ranked(candidates, probabilities, rule, age) as [number, number | undefined]
    judged.push({ probabilities, truth, named, second: second ?? -1 })
    if (named === truth) continue
    mistakes += 1
    const edges = classes[named]?.nodes.map(node => treeDistance(taxonomy, node, object.node)) ?? []
    distance += Math.min(...edges)
  }
  const names = classes.map(({ name }) => name)
  return {
    title,
    classes: names,
    objects: judged.length,
    scores: scores(judged, names.length),
    errors: bootstrap > 0 ? bootstrapErrors(judged, names.length, bootstrap) : null,
    perClass: classScores(judged, names),
    confusion: confusionMatrix(judged, names.length),
    purity: Object.fromEntries(names.map((name, which) => [name, purityCurve(judged, which)])),
    reliability: reliabilityOf(judged),
    mistakeDistance: mistakes > 0 ? distance / mistakes : null
  }
}

function noveltyCounts(predictions: readonly Pick<Prediction, 'novelty'>[]): number[] {
  const counts = new Array<number>(noveltyBins).fill(0)
  for (const { novelty } of predictions) {
    if (novelty !== null) counts[Math.min(noveltyBins - 1, Math.floor(novelty * noveltyBins))]! += 1
  }
  return counts
}

/** Calibration of one node. An object that is labelled with a node above it says nothing and is left out. */
function calibrationOf(
  taxonomy: Taxonomy,
  node: number,
  predictions: readonly Prediction<KnownObject>[]
): NodeCalibration {
  const reliability = new Reliability()
  let objects = 0
  let members = 0
  let sum = 0
  let brier = 0
  for (const { object, probability } of predictions) {
    if (object.node < 0 || isBelow(taxonomy, node, object.node)) continue
    const p = probability[node] as number
    const isMember = object.node === node || isBelow(taxonomy, object.node, node)
    reliability.add(p, isMember)
    objects += 1
    if (isMember) members += 1
    sum += p
    brier += (p - Number(isMember)) ** 2
  }
  return {
    node: taxonomy.nodes[node]?.name ?? '',
    objects,
    members,
    meanProbability: objects > 0 ? sum / objects : 0,
    calibrationError: reliability.error(),
    brier: objects > 0 ? brier / objects : 0,
    bins: reliability.bins()
  }
}
