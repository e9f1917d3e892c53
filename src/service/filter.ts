import { distance } from 'fastest-levenshtein'
import { HieraxError, shown } from '../errors.ts'
import { modelParameter, modelsNamed } from './choose-model.ts'
import type { ClassificationJson, ModelView } from './ports.ts'

/** What classifications are chosen by; all that is given must hold. */
export interface ClassificationFilter {
  /** A part of the object's id, in any case. */
  readonly object?: string
  /** A node of the taxonomy, with P(node) ≥ `minProbability` (0.5 unless given). Without it the probability is the prediction's. */
  readonly node?: string
  readonly minProbability?: number
  /** Novelty of at least this; what has none is left out. */
  readonly minNovelty?: number
  /** Band of the alert. */
  readonly band?: 'g' | 'r' | 'i'
  readonly status?: 'CLASSIFIED' | 'NOT_CLASSIFIED'
  /** Name of the model, or how its SHA-256 begins. */
  readonly model?: string
}

/** Whether a classification is wanted. */
export type Accept = (classification: ClassificationJson) => boolean

/** The fields of a classification that filters look at. */
interface Looked {
  readonly objectId: string
  readonly status: string
  readonly alert: { readonly band: string } | null
  readonly nodes: readonly { readonly name: string; readonly probability: number }[]
  readonly prediction: { readonly probability: number } | null
  readonly novelty: number | null
  readonly classifier: { readonly sha256: string }
}

/** A filter as a function; null where it lets everything pass. Throws MODEL_NOT_FOUND, NODE_NOT_FOUND with the nearest name. */
export function acceptOf(filter: ClassificationFilter, models: readonly ModelView[]): Accept | null {
  const tests: ((classification: Looked) => boolean)[] = []
  const { object, node, minProbability, minNovelty, band, status, model } = filter
  const chosen = modelsNamed(models, model)
  if (model !== undefined) {
    const sums = new Set(chosen.map(({ sha256 }) => sha256))
    tests.push(({ classifier }) => sums.has(classifier.sha256))
  }
  if (status !== undefined) tests.push(classification => classification.status === status)
  if (band !== undefined) tests.push(({ alert }) => alert?.band === band)
  if (object !== undefined) {
    const part = object.toLowerCase()
    tests.push(({ objectId }) => objectId.toLowerCase().includes(part))
  }
  if (minNovelty !== undefined) tests.push(({ novelty }) => novelty !== null && novelty >= minNovelty)
  if (node !== undefined) {
    const names = chosen.flatMap(({ nodes }) => nodes.map(({ name }) => name))
    if (!names.includes(node)) throw unknownNode(node, names)
    const least = minProbability ?? 0.5
    tests.push(({ nodes }) => nodes.some(({ name, probability }) => name === node && probability >= least))
  } else if (minProbability !== undefined) {
    tests.push(({ prediction }) => prediction !== null && prediction.probability >= minProbability)
  }
  if (tests.length === 0) return null
  return classification => tests.every(test => test(classification as unknown as Looked))
}

function unknownNode(given: string, names: readonly string[]): HieraxError {
  const [nearest] = [...names].sort((a, b) => distance(given, a) - distance(given, b))
  return new HieraxError('NODE_NOT_FOUND', `no node is named ${shown(given)}; the nearest is ${nearest}`)
}

/** The filter's parameters, for routes that take one. */
export const filterParameters = {
  object: { type: 'string', minLength: 1, maxLength: 128, description: 'a part of the object’s id, in any case' },
  node: {
    type: 'string',
    minLength: 1,
    maxLength: 200,
    description: 'a node of the taxonomy, with at least `minProbability`'
  },
  minProbability: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    description: 'least P(node), 0.5 unless given; without `node`, least probability of the prediction'
  },
  minNovelty: { type: 'number', minimum: 0, maximum: 1, description: 'least novelty; what has none is left out' },
  band: { type: 'string', enum: ['g', 'r', 'i'], description: 'band of the alert' },
  status: { type: 'string', enum: ['CLASSIFIED', 'NOT_CLASSIFIED'], description: 'classified or not' },
  model: {
    ...modelParameter,
    description: 'name of the model, or the first 8 or more digits of its SHA-256; all models unless given'
  }
}
