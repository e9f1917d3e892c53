import { loadClassifier } from '../classifier/classifier.ts'
import { bundledModel, type Model, readModelFolder } from '../classifier/model-folder.ts'
import { populationOf } from '../classifier/population.ts'
import type { Classifier, Population } from '../classifier/types.ts'
import type { Config } from '../config/config.ts'
import { HieraxError } from '../errors.ts'

/** Settings that decide about models. */
type ModelSettings = Pick<Config, 'model' | 'runtime'> & Partial<Pick<Config, 'population'>>

/** What is known of a model without its network: its folder as it was read, and the population it runs with. */
export interface KnownModel extends Pick<Model, 'card' | 'taxonomy' | 'sha256'> {
  readonly population: Population | null
}

/**
 * Loads and probes the models of the configuration, in its order; the bundled one where it names none. Throws CONFIG_INVALID where
 * one is named twice (its messages would have equal ids), and where the population does not fit one of them.
 */
export async function loadModels(config: ModelSettings): Promise<Classifier[]> {
  const folders = foldersOf(config)
  const classifiers: Classifier[] = []
  try {
    for (const [at, folder] of folders.entries()) {
      const { runtime, population } = config
      const classifier = await loadClassifier(folder, { runtime, ...(population === undefined ? {} : { population }) })
      const twin = classifiers.findIndex(({ sha256 }) => sha256 === classifier.sha256)
      classifiers.push(classifier)
      if (twin < 0) continue
      throw new HieraxError(
        'CONFIG_INVALID',
        `model: ${folders[twin]} and ${folders[at]} are the same model, SHA-256 ${classifier.sha256}`
      )
    }
  } catch (error) {
    for (const loaded of classifiers) loaded.dispose()
    throw error
  }
  return classifiers
}

/** Reads the folders of the same models and finds their populations, without loading a network. Throws as `loadModels`. */
export async function readModels(config: Omit<ModelSettings, 'runtime'>): Promise<KnownModel[]> {
  const models: KnownModel[] = []
  for (const folder of foldersOf(config)) {
    const { card, taxonomy, sha256 } = await readModelFolder(folder)
    models.push({ card, taxonomy, sha256, population: populationOf(card, taxonomy, config.population) })
  }
  return models
}

function foldersOf({ model }: Pick<Config, 'model'>): readonly string[] {
  return model.length > 0 ? model : [bundledModel]
}
