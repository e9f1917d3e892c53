import { z } from 'zod'
import { shown } from '../../errors.ts'
import { type AlertContext, contextFields } from '../../lightcurves/points/observation.ts'
import { nodeName, parseJson, type Refuse, refuserOf } from '../model/model-file.ts'
import type { Taxonomy } from '../model/taxonomy.ts'
import type { AlertView } from '../types.ts'

/** Version of the features that a context term was trained on. */
export const contextVersion = 'context-v1'

/**
 * Names of the features, in their order. Distances are logarithms; the products with nearness express whether the alert lies *on* the
 * catalogue source. Left out on purpose: the sign of the difference, real–bogus scores, solar-system distance, sky position,
 * and `ncovhist`, which grows with the survey's age.
 */
export const contextFeatureNames = [
  'psDistance',
  'psNearness',
  'psMissing',
  'starScore',
  'starScoreUnknown',
  'starNearness',
  'psExcess',
  'colourGR',
  'colourRI',
  'colourIZ',
  'colourMissing',
  'neighbourGalaxy',
  'gaiaDistance',
  'gaiaExcess',
  'gaiaMissing',
  'referenceExcess',
  'referenceSharpness',
  'referenceChi',
  'referenceMissing',
  'age',
  'isOld',
  'detections',
  'historyMissing',
  'pointLikeness',
  'pointLikenessMissing'
] as const

/** Greatest age, days: longer ones would depend on the age of the survey, not of the object. */
const longestAge = 200
/** Greatest number of detections. */
const mostDetections = 30
/** Star–galaxy score of a source that the catalogue could not classify. */
const undecidedScore = 0.5

/**
 * Writes the features of an alert, in the order of `contextFeatureNames`. Every feature is bounded. A
 * missing field sets its features to a neutral value and its mask to 1. If the packet has no context field at all, it writes nothing and
 * returns false. It allocates nothing.
 */
export function contextFeatures(view: AlertView, out: Float64Array): boolean {
  const { context, magnitude } = view
  if (isEmpty(context)) return false
  const { sgscore1, distpsnr1, distpsnr2, sgscore2, neargaia, maggaia, distnr, magnr, chinr, sharpnr } = context
  const { sgmag1, srmag1, simag1, szmag1, jdstarthist, ndethist, classtar } = context

  const near = distpsnr1 === null ? 0 : nearness(distpsnr1, 1)
  const score = sgscore1 === null ? 0 : within(sgscore1, 0, 1) - undecidedScore
  out[0] = Math.log(within(distpsnr1 ?? 2, 0.1, 10))
  out[1] = near
  out[2] = flag(distpsnr1 === null)
  out[3] = score
  out[4] = flag(score === 0)
  out[5] = score * near
  out[6] = srmag1 === null ? 0 : near * within(magnitude - srmag1, -4, 5)
  out[7] = near * (sgmag1 === null || srmag1 === null ? 0.6 : within(sgmag1 - srmag1, -0.5, 2))
  out[8] = near * (srmag1 === null || simag1 === null ? 0.3 : within(srmag1 - simag1, -0.5, 2.5))
  out[9] = near * (simag1 === null || szmag1 === null ? 0.15 : within(simag1 - szmag1, -0.5, 1.5))
  out[10] = flag(sgmag1 === null || srmag1 === null || simag1 === null || szmag1 === null)
  out[11] =
    distpsnr2 === null || sgscore2 === null ? 0 : (undecidedScore - within(sgscore2, 0, 1)) * nearness(distpsnr2, 5)

  out[12] = Math.log(within(neargaia ?? 5, 0.2, 20))
  out[13] = neargaia === null || maggaia === null ? 0 : nearness(neargaia, 0.5) * within(magnitude - maggaia, -3, 5)
  out[14] = flag(neargaia === null)

  out[15] = distnr === null || magnr === null ? 0 : nearness(distnr, 0.6) * within(magnitude - magnr, -4, 5)
  out[16] = sharpnr === null ? 0 : within(sharpnr, -0.3, 0.6)
  out[17] = chinr === null ? 0 : Math.log(within(chinr, 0.3, 8))
  out[18] = flag(distnr === null || magnr === null || chinr === null || sharpnr === null)

  const age = jdstarthist === null ? 30 : within(view.jd - jdstarthist, 0, longestAge)
  out[19] = Math.log1p(age)
  out[20] = age / longestAge
  out[21] = Math.log(within(ndethist ?? 8, 1, mostDetections))
  out[22] = flag(jdstarthist === null || ndethist === null)
  out[23] = classtar === null ? 0.97 : within(classtar, 0.5, 1)
  out[24] = flag(classtar === null)
  return true
}

function isEmpty(context: AlertContext): boolean {
  for (const field of contextFields) if (context[field] !== null) return false
  return true
}

/** 1 at distance 0, ½ at the scale, and proportional to the inverse square of large distances. */
function nearness(distance: number, scale: number): number {
  const ratio = distance / scale
  return 1 / (1 + ratio * ratio)
}

function within(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}

function flag(holds: boolean): number {
  return holds ? 1 : 0
}

/** File of a model folder with its context term; a model without it uses the light curve alone. */
export const contextFile = 'context.json'

const numbers = z.array(z.number())
const shape = z.strictObject({
  format: z.literal('hierax-context'),
  formatVersion: z.literal(1),
  /** Version of the features (`contextVersion`). */
  features: z.string(),
  /** Mean and standard deviation by feature, for its standardisation. */
  mean: numbers,
  deviation: z.array(z.number().positive()),
  /** One layer is linear; of two, the first has a tanh. Each row of weights belongs to one output. */
  layers: z
    .array(z.strictObject({ weights: z.array(numbers).min(1), biases: numbers }))
    .min(1)
    .max(2),
  /** Nodes with a term, whole groups of siblings, in the order of the last layer's outputs. */
  nodes: z.array(nodeName).min(1),
  /** Maximum change of the log odds of two siblings. */
  bound: z.number().positive()
})

/** Content of a context file. */
export type ContextFile = Omit<z.infer<typeof shape>, 'format' | 'formatVersion'>

/** A layer with its weights in one array. */
interface Layer {
  readonly weights: Float64Array
  readonly biases: Float64Array
  readonly inputs: number
  readonly values: Float64Array
}

/**
 * Terms that are added to the logits of the network, from the fields of a packet other than its photometry. Double precision, one
 * alert at a time, so the result is bit-identical in any batch.
 */
export class ContextTerm {
  readonly #mean: Float64Array
  readonly #deviation: Float64Array
  readonly #features: Float64Array
  readonly #layers: readonly Layer[]
  /** Index in the taxonomy of every output, and the outputs of each group of siblings. */
  readonly #nodes: readonly number[]
  readonly #groups: readonly (readonly number[])[]
  readonly #halfBound: number

  constructor(file: ContextFile, taxonomy: Taxonomy) {
    this.#mean = Float64Array.from(file.mean)
    this.#deviation = Float64Array.from(file.deviation)
    this.#features = new Float64Array(contextFeatureNames.length)
    this.#layers = file.layers.map(({ weights, biases }) => ({
      weights: Float64Array.from(weights.flat()),
      biases: Float64Array.from(biases),
      inputs: weights[0]?.length ?? 0,
      values: new Float64Array(biases.length)
    }))
    this.#nodes = file.nodes.map(name => taxonomy.indexOf(name))
    this.#groups = taxonomy.siblings
      .map(group => group.map(node => this.#nodes.indexOf(node)).filter(output => output >= 0))
      .filter(group => group.length > 0)
    this.#halfBound = file.bound / 2
  }

  /**
   * Adds the terms of an alert to `logits` (one per node, in the taxonomy's order). If the packet has no context field, it adds
   * nothing and returns false.
   */
  addTo(view: AlertView, logits: Float64Array): boolean {
    const features = this.#features
    if (!contextFeatures(view, features)) return false
    for (let at = 0; at < features.length; at++) {
      features[at] = ((features[at] as number) - (this.#mean[at] as number)) / (this.#deviation[at] as number)
    }
    const outputs = this.#run()
    for (const group of this.#groups) {
      let sum = 0
      for (const output of group) sum += outputs[output] as number
      const middle = sum / group.length
      for (const output of group) {
        const node = this.#nodes[output] as number
        const term = softClip((outputs[output] as number) - middle, this.#halfBound)
        logits[node] = (logits[node] as number) + term
      }
    }
    return true
  }

  #run(): Float64Array {
    let input = this.#features
    for (let which = 0; which < this.#layers.length; which++) {
      const { weights, biases, inputs, values } = this.#layers[which] as Layer
      const isLast = which === this.#layers.length - 1
      for (let row = 0; row < values.length; row++) {
        let sum = biases[row] as number
        const base = row * inputs
        for (let column = 0; column < inputs; column++) {
          sum += (weights[base + column] as number) * (input[column] as number)
        }
        values[row] = isLast ? sum : Math.tanh(sum)
      }
      input = values
    }
    return input
  }
}

/**
 * Limits a value smoothly to ±`bound`; up to half of the bound it hardly changes. It uses only square roots, which are
 * bit-identical on every machine.
 */
export function softClip(value: number, bound: number): number {
  const square = (value / bound) * (value / bound)
  // The fourth power might overflow; the result has reached the bound long before.
  if (square > 1e12) return value > 0 ? bound : -bound
  return value / Math.sqrt(Math.sqrt(1 + square * square))
}

/** Reads a context file for a taxonomy. Throws MODEL_INVALID; `origin` names the file. */
export function parseContext(text: string, taxonomy: Taxonomy, origin: string): ContextTerm {
  const refuse: Refuse = refuserOf(origin)
  const file = parseJson(text, shape, refuse)
  if (file.features !== contextVersion) {
    refuse(`features ${shown(file.features)} are unknown; this version has ${contextVersion}`)
  }
  checkSizes(file, refuse)
  checkNodes(file.nodes, taxonomy, refuse)
  return new ContextTerm(file, taxonomy)
}

function checkSizes({ mean, deviation, layers, nodes }: ContextFile, refuse: Refuse): void {
  const count = contextFeatureNames.length
  if (mean.length !== count) refuse(`\`mean\` has ${mean.length} numbers, ${contextVersion} has ${count} features`)
  if (deviation.length !== count) {
    refuse(`\`deviation\` has ${deviation.length} numbers, ${contextVersion} has ${count} features`)
  }
  let width: number = count
  for (const [which, { weights, biases }] of layers.entries()) {
    const ragged = weights.findIndex(row => row.length !== width)
    if (ragged >= 0) {
      refuse(`layers[${which}].weights[${ragged}] has ${weights[ragged]?.length} numbers, expected ${width}`)
    }
    if (biases.length !== weights.length) {
      refuse(`layers[${which}].biases has ${biases.length} numbers, expected ${weights.length}`)
    }
    width = weights.length
  }
  if (width !== nodes.length) refuse(`the last layer has ${width} outputs, \`nodes\` has ${nodes.length} names`)
}

function checkNodes(nodes: readonly string[], taxonomy: Taxonomy, refuse: Refuse): void {
  const seen = new Set<number>()
  for (const name of nodes) {
    const node = taxonomy.indexOf(name)
    if (node < 0) refuse(`nodes: ${shown(name)} is not a node of the taxonomy ${taxonomy.name}, or it is the root`)
    if (seen.has(node)) refuse(`nodes: ${shown(name)} is given twice`)
    seen.add(node)
  }
  for (const group of taxonomy.siblings) {
    const missing = group.find(node => !seen.has(node))
    if (missing === undefined || !group.some(node => seen.has(node))) continue
    const without = taxonomy.nodes[missing]?.name
    refuse(`nodes: ${shown(without)} is missing; a group of siblings has terms for all nodes or for none`)
  }
}
