import { loadClassifier } from '../classifier/classifier.ts'
import { bundledModel } from '../classifier/model-folder.ts'
import type { Classifier } from '../classifier/types.ts'
import type { Config } from '../config/config.ts'
import { HieraxError } from '../errors.ts'

/**
 * Loads and probes the models of the configuration, in its order; the bundled one where it names none. Throws CONFIG_INVALID where
 * one is named twice: its messages would have equal ids.
 */
export async function loadModels(config: Pick<Config, 'model' | 'runtime'>): Promise<Classifier[]> {
  const folders = config.model.length > 0 ? config.model : [bundledModel]
  const classifiers: Classifier[] = []
  for (const [at, folder] of folders.entries()) {
    const classifier = await loadClassifier(folder, { runtime: config.runtime })
    const twin = classifiers.findIndex(({ sha256 }) => sha256 === classifier.sha256)
    classifiers.push(classifier)
    if (twin < 0) continue
    for (const loaded of classifiers) loaded.dispose()
    throw new HieraxError(
      'CONFIG_INVALID',
      `model: ${folders[twin]} and ${folders[at]} are the same model, SHA-256 ${classifier.sha256}`
    )
  }
  return classifiers
}
