import { createClassifier } from '../classifier/classifier.ts'
import { bundledModel, type Model, readModelFolder } from '../classifier/model-folder.ts'
import { populationOf } from '../classifier/probabilities/population.ts'
import type { Classifier, Population } from '../classifier/types.ts'
import type { Config } from '../config/config.ts'
import { HieraxError } from '../errors.ts'

/** Settings that select models. */
type ModelSettings = Pick<Config, 'model'> & Partial<Pick<Config, 'population'>>

/** A model without its network: its card, and the population that the model runs with. */
export interface KnownModel extends Pick<Model, 'card' | 'taxonomy' | 'sha256'> {
  readonly population: Population | null
}

/** A model that was read from its folder, but whose network is not loaded. */
export interface ReadModel extends KnownModel {
  readonly folder: string
  readonly model: Model
}

/**
 * Reads the model folders of the configuration, in its order; the bundled one if it names none. Throws MODEL_INVALID, and
 * CONFIG_INVALID if a model is named twice (its messages would have equal ids) or does not have the population.
 */
export async function readModels(config: ModelSettings): Promise<ReadModel[]> {
  const folders = config.model.length > 0 ? config.model : [bundledModel]
  const models: ReadModel[] = []
  for (const folder of folders) {
    const model = await readModelFolder(folder)
    const { card, taxonomy, sha256 } = model
    const same = models.find(other => other.sha256 === sha256)
    if (same) {
      const message = `model: ${same.folder} and ${folder} are the same model, SHA-256 ${sha256}`
      throw new HieraxError('CONFIG_INVALID', message)
    }
    models.push({ folder, model, card, taxonomy, sha256, population: populationOf(card, taxonomy, config.population) })
  }
  return models
}

/** Loads and probes the networks of models. Throws MODEL_INVALID and RUNTIME_UNAVAILABLE. */
export async function loadModels(
  config: ModelSettings & Pick<Config, 'runtime'>,
  models?: readonly ReadModel[]
): Promise<Classifier[]> {
  const { runtime, population } = config
  const options = { runtime, ...(population === undefined ? {} : { population }) }
  const classifiers: Classifier[] = []
  try {
    for (const { model, folder } of models ?? (await readModels(config))) {
      classifiers.push(await createClassifier(model, folder, options))
    }
  } catch (error) {
    for (const loaded of classifiers) loaded.dispose()
    throw error
  }
  return classifiers
}
