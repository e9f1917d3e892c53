import { admissionOf } from '../alerts/admission.ts'
import { loadModels } from '../app/models.ts'
import { HieraxError } from '../errors.ts'
import { toJson } from '../messages/encoding.ts'
import { ObjectClassifier } from '../pipeline/object-classifier.ts'
import { toObjectView } from '../service/views.ts'
import { openNamed, type StoreOptions } from './store.ts'

/** Runs `hierax store inspect`. */
export async function inspect(objectId: string, options: StoreOptions): Promise<void> {
  const { config, store } = await openNamed(options, { readOnly: true })
  try {
    const state = await store.get(objectId)
    if (!state)
      throw new HieraxError('OBJECT_NOT_FOUND', `${config.store.url} holds no object ${JSON.stringify(objectId)}`)
    const classifiers = await loadModels(config)
    const admission = admissionOf(config)
    const classifier = new ObjectClassifier({ store, classifiers, admission })
    const classifications = (await classifier.currentClassifications(state)).map(toJson)
    const { classification: _, ...object } = toObjectView(state, null, config.admit)
    process.stdout.write(`${JSON.stringify({ ...object, classifications }, null, 2)}\n`)
    for (const classifier of classifiers) classifier.dispose()
  } finally {
    await store.close()
  }
}
