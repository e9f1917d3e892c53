import { loadClassifier } from '../classifier/classifier.ts'
import { bundledModel } from '../classifier/model-folder.ts'
import type { Classifier } from '../classifier/types.ts'
import type { Config } from '../config/config.ts'

/** Loads and probes the models of the configuration, in its order; the bundled one where it names none. */
export async function loadModels(config: Pick<Config, 'model' | 'runtime'>): Promise<Classifier[]> {
  const folders = config.model.length > 0 ? config.model : [bundledModel]
  const classifiers: Classifier[] = []
  for (const folder of folders) classifiers.push(await loadClassifier(folder, { runtime: config.runtime }))
  return classifiers
}
