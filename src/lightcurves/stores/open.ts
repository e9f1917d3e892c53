import path from 'node:path'
import { HieraxError, shown } from '../../errors.ts'
import type { OpenStore, StoreKind, StoreOptions } from '../store.ts'
import { MemoryStore } from './memory.ts'

/** All kinds of stores. The libraries of one are loaded when it is opened. */
export const storeKinds: readonly StoreKind[] = [
  {
    form: 'lmdb:DIR',
    matches: /^lmdb:./s,
    open: async (url, options) => {
      const { LmdbStore } = await import('./lmdb.ts')
      return LmdbStore.open({ ...options, folder: path.resolve(url.slice('lmdb:'.length)) })
    }
  },
  {
    form: 'valkey://host:port/db',
    matches: /^(valkey|redis)s?:/,
    open: async (url, options) => {
      const { valkeyAddress } = await import('./valkey/connection.ts')
      const { ValkeyStore } = await import('./valkey/store.ts')
      return ValkeyStore.open({ ...options, address: valkeyAddress(url) })
    }
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
