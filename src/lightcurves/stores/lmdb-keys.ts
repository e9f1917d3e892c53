import type { Database } from 'lmdb'

/** Keys that are read at a time, and objects that one transaction checks when old ones are dropped. */
const keyRun = 500

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
