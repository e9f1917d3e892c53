import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { mean } from '../collections.ts'
import type { KnownObject } from '../data/labelled.ts'
import { isAtOrBelow, isBelow, treeDistance } from '../tree.ts'
import {
  type Candidates,
  type ClassAssignment,
  candidatesAtDepth,
  classOf,
  classProbabilities,
  depthOf,
  ranked
} from './class-assignment.ts'
import {
  bootstrapErrors,
  type ClassScores,
  classScores,
  confusionMatrix,
  type Judged,
  largest,
  type PurityPoint,
  purityCurve,
  type ReliabilityBin,
  reliability,
  type Scores,
  scores
} from './metrics.ts'
import type { Cut, Prediction } from './predict.ts'

const noveltyBins = 20

/** The figures of a set of classes at a cut. */
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

/** How well the probability of a node is calibrated. */
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

/** What to measure. */
export interface EvaluationOptions {
  readonly among: readonly Candidates[]
  /** Objects with fewer detections on their whole curve are not judged among `among`. */
  readonly minDetections: number
  /** Samples of the bootstrap; 0: none. */
  readonly bootstrap: number
}

/** Measures the predictions of one cut. `others` are those of objects that can't be judged but for their novelty. */
export function evaluateCut(
  taxonomy: Taxonomy,
  rule: ClassAssignment,
  predictions: readonly Prediction<KnownObject>[],
  { among, minDetections, bootstrap }: EvaluationOptions,
  others: readonly Pick<Prediction, 'novelty'>[] = []
): CutEvaluation {
  const enough = predictions.filter(({ object }) => object.detections >= minDetections)
  const depths = Array.from({ length: depthOf(taxonomy) }, (_, at) => candidatesAtDepth(taxonomy, at + 1))
  const novelty = predictions.some(({ novelty }) => novelty !== null)
    ? { known: noveltyCounts(predictions), others: noveltyCounts(others) }
    : null
  return {
    days: predictions[0]?.cut ?? 'full',
    objects: predictions.length,
    sets: [
      ...depths.map(depth => evaluateSet(taxonomy, rule, depth, predictions, bootstrap)),
      ...among.map(set => evaluateSet(taxonomy, rule, set, enough, bootstrap))
    ],
    nodes: taxonomy.nodes.map((_, node) => calibrationOf(taxonomy, node, predictions)),
    novelty
  }
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
  const distances: number[] = []
  const judged = predictions.flatMap(({ object, probability, age }): Judged[] => {
    const truth = classOf(taxonomy, candidates, object.node)
    if (truth < 0) return []
    const probabilities = classProbabilities(candidates, probability)
    const [named, second = -1] = ranked(candidates, probabilities, rule, age) as [number, number?]
    if (named !== truth) {
      const edges = classes[named]?.nodes.map(node => treeDistance(taxonomy, node, object.node)) ?? []
      distances.push(Math.min(...edges))
    }
    return [{ probabilities, truth, named, second }]
  })
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
    reliability: reliability(judged.map(largest)).bins,
    mistakeDistance: distances.length > 0 ? mean(distances) : null
  }
}

function noveltyCounts(predictions: readonly Pick<Prediction, 'novelty'>[]): number[] {
  const counts = new Array<number>(noveltyBins).fill(0)
  for (const { novelty } of predictions) {
    if (novelty !== null) counts[Math.min(noveltyBins - 1, Math.floor(novelty * noveltyBins))]! += 1
  }
  return counts
}

/** Calibration of one node. Objects that are labelled with a node above it are left out: whether they belong to it is not known. */
function calibrationOf(
  taxonomy: Taxonomy,
  node: number,
  predictions: readonly Prediction<KnownObject>[]
): NodeCalibration {
  const scored = predictions
    .filter(({ object }) => object.node >= 0 && !isBelow(taxonomy, node, object.node))
    .map(({ object, probability }) => ({
      probability: probability[node] as number,
      truth: isAtOrBelow(taxonomy, object.node, node)
    }))
  const objects = scored.length
  const { error, bins } = reliability(scored)
  return {
    node: taxonomy.nodes[node]?.name ?? '',
    objects,
    members: scored.filter(({ truth }) => truth).length,
    meanProbability: objects > 0 ? mean(scored.map(({ probability }) => probability)) : 0,
    calibrationError: error,
    brier: objects > 0 ? mean(scored.map(({ probability, truth }) => (probability - Number(truth)) ** 2)) : 0,
    bins
  }
}
