import path from 'node:path'
import { HieraxError, shown } from '../../errors.ts'
import type { OpenStore, StoreKind, StoreOptions } from '../store.ts'
import { LmdbStore } from './lmdb.ts'
import { MemoryStore } from './memory.ts'
import { valkeyAddress } from './valkey/connection.ts'
import { ValkeyStore } from './valkey/store.ts'

/** All kinds of stores. */
export const storeKinds: readonly StoreKind[] = [
  {
    form: 'lmdb:DIR',
    matches: /^lmdb:./s,
    open: (url, options) => LmdbStore.open({ ...options, folder: path.resolve(url.slice('lmdb:'.length)) })
  },
  {
    form: 'valkey://host:port/db',
    matches: /^(valkey|redis)s?:/,
    open: async (url, options) => ValkeyStore.open({ ...options, address: valkeyAddress(url) })
  },
  { form: 'memory:', matches: /^memory(:|$)/, open: async (_url, { programs }) => new MemoryStore(programs) }
]

/**
 * Opens the store behind a URL: `lmdb:DIR`, `valkey://host:port/db` (also `redis://`; `valkeys://` and `rediss://` with TLS)
 * or `memory:`. Rejects with CONFIG_INVALID for any other, with STORE_REFUSED or STORE_FAILED if it can't be used.
 */
export async function openStore(url: string, options: StoreOptions, kinds = storeKinds): Promise<OpenStore> {
  const kind = kinds.find(({ matches }) => matches.test(url))
  if (kind) return kind.open(url, options)
  const forms = kinds.map(({ form }) => form)
  throw new HieraxError(
    'CONFIG_INVALID',
    `store.url is ${shown(url)}; it takes ${forms.slice(0, -1).join(', ')} or ${forms.at(-1)}`
  )
}
