import type { Database } from 'lmdb'

/** Bytes before the object id in a key of the cache: the start of the model's SHA-256 and a slash. */
export const cachePrefix = 17

/** Keys that are read at a time, and objects that one transaction checks when old ones are dropped. */
const keyRun = 500

/** Key of a model's cached state of an object. */
export function cacheKey({ objectId, modelSha256 }: { objectId: string; modelSha256: string }): Buffer {
  return Buffer.from(`${modelSha256.slice(0, cachePrefix - 1)}/${objectId}`)
}

/**
 * The keys of a database after one, in order, a run at a time: nothing of LMDB is held between runs. Copied, because LMDB reuses the
 * memory of a key for the next one.
 */
export function* keysOf(database: Database<Buffer, Buffer>, after = ''): Generator<Buffer[]> {
  let last: Buffer = Buffer.from(after)
  for (;;) {
    const start = Buffer.concat([last, Buffer.of(0)])
    const keys: Buffer[] = []
    for (const key of database.getKeys({ start, limit: keyRun })) keys.push(Buffer.from(key))
    if (keys.length === 0) return
    yield keys
    last = keys.at(-1) as Buffer
  }
}

/** The models of the keys of a cache: the beginnings of their SHA-256. */
export function cachedModels(cache: Database<Buffer, Buffer>): string[] {
  const models: string[] = []
  for (let start = Buffer.alloc(0); ; ) {
    const [key] = cache.getKeys({ start, limit: 1 })
    if (key === undefined) return models
    const model = key.toString('latin1', 0, cachePrefix - 1)
    models.push(model)
    // Zero follows the slash after the model.
    start = Buffer.from(`${model}0`)
  }
}
