import { z } from 'zod'
import { HieraxError, nearest, shown } from '../errors.ts'
import { bands } from '../lightcurves/points/observation.ts'
import type { ClassificationJson } from '../messages/classification.ts'
import type { ModelView } from './schema/schemas.ts'

/** Minimum number of digits of a SHA-256 that name a model. */
const fewestDigits = 8

export const modelName = z.string().min(1).max(200)

/** A model as a parameter of a route. */
export const modelParameter = modelName
  .describe(
    'name of the model, or at least the first 8 digits of its SHA-256 if several models have the same name (default: the first model)'
  )
  .optional()

const share = (description: string) => z.number().min(0).max(1).describe(description).optional()

/** Parameters that select classifications; all given conditions must hold. */
export const filterParameters = {
  object: z.string().min(1).max(128).describe('part of the object’s id, case-insensitive').optional(),
  node: z
    .string()
    .min(1)
    .max(200)
    .describe('node of the taxonomy whose probability must be at least `minProbability`')
    .optional(),
  minProbability: share('minimum P(node) (default: 0.5); without `node`, minimum probability of the prediction'),
  minNovelty: share('minimum novelty; classifications without novelty are left out'),
  band: z.enum(bands).describe('band of the alert').optional(),
  status: z.enum(['CLASSIFIED', 'NOT_CLASSIFIED']).describe('status of the message').optional(),
  model: modelName
    .describe('name of the model, or at least the first 8 digits of its SHA-256 (default: all models)')
    .optional()
}

export type ClassificationFilter = z.infer<z.ZodObject<typeof filterParameters>>

/** Whether a classification passes the filter. */
export type Accept = (classification: ClassificationJson) => boolean

/**
 * A filter as a function; null if it has no conditions.
 *
 * @throws HieraxError MODEL_NOT_FOUND, NODE_NOT_FOUND, with the nearest name
 */
export function acceptOf(filter: ClassificationFilter, models: readonly ModelView[]): Accept | null {
  const tests: Accept[] = []
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
    if (!names.includes(node)) {
      const message = `no node is named ${shown(node)}; the nearest is ${nearest(node, names)}`
      throw new HieraxError('NODE_NOT_FOUND', message)
    }
    const least = minProbability ?? 0.5
    tests.push(({ nodes }) => nodes.some(({ name, probability }) => name === node && probability >= least))
  } else if (minProbability !== undefined) {
    tests.push(({ prediction }) => prediction !== null && prediction.probability >= minProbability)
  }
  return tests.length === 0 ? null : classification => tests.every(test => test(classification))
}

/**
 * The models with that name, or with a SHA-256 that begins with it; all if none is given.
 *
 * @throws HieraxError MODEL_NOT_FOUND with the nearest name
 */
export function modelsNamed<T extends Pick<ModelView, 'name' | 'sha256'>>(
  models: readonly T[],
  given: string | undefined
): readonly T[] {
  if (given === undefined) return models
  const named = models.filter(({ name }) => name === given)
  if (named.length > 0) return named
  const digits = given.toLowerCase()
  const matching = given.length < fewestDigits ? [] : models.filter(({ sha256 }) => sha256.startsWith(digits))
  if (matching.length > 0) return matching
  const names = [...new Set(models.map(({ name }) => name))]
  const message = `no model is named ${shown(given)}; there is ${names.join(', ')}`
  const hint = names.length > 1 ? `; the nearest is ${nearest(given, names)}` : ''
  throw new HieraxError('MODEL_NOT_FOUND', message + hint)
}

/**
 * The model with that name, or with a SHA-256 that begins with it; the first if none is given.
 *
 * @throws HieraxError MODEL_NOT_FOUND, or MODEL_AMBIGUOUS if several match
 */
export function modelNamed<T extends Pick<ModelView, 'name' | 'sha256'>>(
  models: readonly T[],
  given: string | undefined
): T {
  const found = modelsNamed(models, given)
  if (given !== undefined && found.length > 1) {
    const sums = found.map(({ sha256 }) => sha256.slice(0, 12)).join(', ')
    throw new HieraxError('MODEL_AMBIGUOUS', `${found.length} models are named ${shown(given)}; their SHA-256: ${sums}`)
  }
  return found[0] as T
}
