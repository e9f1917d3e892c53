import { distance } from 'fastest-levenshtein'
import { HieraxError, shown } from '../errors.ts'
import type { ModelView } from './ports.ts'

/** What is given of a SHA-256 has at least so many digits. */
const fewestDigits = 8

/** A model's parameter in the API's description. */
export const modelParameter = {
  type: 'string',
  minLength: 1,
  maxLength: 200,
  description:
    'name of the model, or the first 8 or more digits of its SHA-256, which tell models of one name apart; the first model where it is left out'
}

/** The models of that name, or whose SHA-256 begins so; all where nothing is given. Throws MODEL_NOT_FOUND with the nearest name. */
export function modelsNamed<T extends Pick<ModelView, 'name' | 'sha256'>>(
  models: readonly T[],
  given: string | undefined
): readonly T[] {
  if (given === undefined) return models
  const named = models.filter(({ name }) => name === given)
  if (named.length > 0) return named
  const digits = given.toLowerCase()
  const begun = given.length < fewestDigits ? [] : models.filter(({ sha256 }) => sha256.startsWith(digits))
  if (begun.length > 0) return begun
  const names = [...new Set(models.map(({ name }) => name))]
  const [nearest] = [...names].sort((a, b) => distance(given, a) - distance(given, b))
  const message = `no model is named ${shown(given)}; there is ${names.join(', ')}`
  throw new HieraxError('MODEL_NOT_FOUND', names.length > 1 ? `${message}; the nearest is ${nearest}` : message)
}

/** The one model that is meant; the first where nothing is given. Throws MODEL_NOT_FOUND, and MODEL_AMBIGUOUS where several are. */
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
