import { readModels } from '../app/models.ts'
import { announcedModels } from '../app/output/announcements.ts'
import { outputConnection, outputSettings } from '../app/output/output.ts'
import type { Config } from '../config/config.ts'
import { HieraxError, printable } from '../errors.ts'
import { openExistingCutouts } from '../lightcurves/stores/cutouts.ts'
import { currentTombstone } from '../messages/current.ts'
import { silentLogger } from '../streams/kafka/client/connection.ts'
import { KafkaSink } from '../streams/kafka/producer/sink.ts'
import { openNamed, type StoreOptions } from './store.ts'

/** Time for messages to be acknowledged, ms. */
const sendTimeout = 30_000

/**
 * Runs `hierax store delete`: an object begins again with its next alert. Removes those that the store holds, before it fails for the
 * others with OBJECT_NOT_FOUND.
 */
export async function deleteObjects(objectIds: readonly string[], options: StoreOptions): Promise<void> {
  // A store that does not exist must not be created.
  await (await openNamed(options, { readOnly: true, outlives: true })).store.close()
  const { config, store, url } = await openNamed(options, { outlives: true })
  const cutouts = await openExistingCutouts(config.store.url)
  try {
    await cutouts?.remove([...new Set(objectIds)])
    const held = new Set(await store.remove([...new Set(objectIds)]))
    for (const objectId of held) process.stdout.write(`deleted: ${printable(objectId)}\n`)
    await withdraw(objectIds, config)
    const unknown = objectIds.filter(objectId => !held.has(objectId)).map(objectId => JSON.stringify(objectId))
    if (unknown.length > 0) throw new HieraxError('OBJECT_NOT_FOUND', `${url} holds no object ${unknown.join(', ')}`)
  } finally {
    await cutouts?.close()
    await store.close()
  }
}

/**
 * Removes objects from the topic of current classifications, with the records of models that are not in use any more: also objects that the
 * store does not hold, if the command is repeated.
 */
async function withdraw(objectIds: readonly string[], config: Config): Promise<void> {
  const { current } = outputSettings(config, [], null)
  if (!current || config.output.brokers === null) return
  const connection = outputConnection(config)
  const models = (await readModels(config)).map(({ sha256 }) => sha256)
  const sink = new KafkaSink({ connection, logger: silentLogger, compression: config.output.compression })
  try {
    const remove = async (ofModels: readonly string[]): Promise<void> => {
      const keys = objectIds.flatMap(objectId => ofModels.map(sha256 => ({ objectId, sha256 })))
      const tombstones = keys.map(key => currentTombstone(key, current))
      await sink.send(tombstones, AbortSignal.timeout(sendTimeout))
    }
    await sink.connect()
    await remove(models)
    const announced = await announcedModels(config, AbortSignal.timeout(sendTimeout))
    await remove([...announced.keys()].filter(sha256 => !models.includes(sha256)))
  } finally {
    await sink.close()
  }
}
