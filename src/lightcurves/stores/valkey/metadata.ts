import { HieraxError } from '../../../errors.ts'
import type { StoreOptions } from '../../store.ts'
import { checkMeta, type StoreMeta } from '../../store-meta.ts'
import type { ValkeyConnection } from './connection.ts'
import { ifWrongType } from './failures.ts'
import { indexKey } from './objects/object-index.ts'
import { claim } from './objects/objects.ts'

const metaKey = 'hierax:meta'

/**
 * The metadata of the store on a server, migrated or created unless it is opened read-only; `isNew`: there were none.
 *
 * @throws {HieraxError} STORE_REFUSED as `checkMeta`, also if the key holds something else; INPUT_NOT_FOUND if there is nothing to read.
 */
export async function takeMetadata(
  connection: ValkeyConnection,
  { programs, anyPrograms, readOnly }: Pick<StoreOptions, 'programs' | 'anyPrograms' | 'readOnly'>
): Promise<{ meta: StoreMeta; isNew: boolean }> {
  const where = connection.address.shown
  for (;;) {
    const text = await metadata(connection)
    const isNew = text === ''
    if (isNew && readOnly) throw new HieraxError('INPUT_NOT_FOUND', `There is no store in ${where}`)
    const empty = (await connection.call('EXISTS', indexKey)) === 0
    const write = checkMeta(
      isNew ? null : parsed(text),
      anyPrograms ? null : programs,
      `${where} (key ${metaKey})`,
      empty
    )
    const next = JSON.stringify(write)
    const done = readOnly || !write || String(await connection.run(claim, [metaKey], [text, next])) === next
    if (done) return { meta: write ?? parsed(text), isNew }
    // Another process changed the metadata meanwhile.
  }
}

/** Writes which programmes' points may be in the store. Resolves with its metadata. Only within `request`. */
export async function writePrograms(connection: ValkeyConnection, programs: readonly number[]): Promise<StoreMeta> {
  for (;;) {
    const text = await metadata(connection)
    const meta = { ...parsed(text), programs }
    const next = JSON.stringify(meta)
    if (String(await connection.run(claim, [metaKey], [text, next])) === next) return meta
    // Another process changed the metadata meanwhile.
  }
}

/** The text of the metadata, empty if there are none. */
async function metadata(connection: ValkeyConnection): Promise<string> {
  return String((await connection.call('GET', metaKey).catch(ifWrongType('damaged'))) ?? '')
}

/** What is no metadata has no version, and is refused for that. */
function parsed(text: string): StoreMeta {
  try {
    return (JSON.parse(text) as StoreMeta | null) ?? ({} as StoreMeta)
  } catch {
    return {} as StoreMeta
  }
}
