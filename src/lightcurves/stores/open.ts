import path from 'node:path'
import { HieraxError, shown } from '../../errors.ts'
import { LmdbStore } from './lmdb.ts'
import { MemoryStore } from './memory.ts'
import type { Store } from './store.ts'

/** How a store is opened, whatever its kind. */
export interface StoreOptions {
  readonly programs: readonly number[]
  readonly readOnly?: boolean
  readonly onCorrupt?: (error: HieraxError) => void
}

/** Opens the store behind a URL: `lmdb:DIR` or `memory:`. Rejects with CONFIG_INVALID for any other. */
export async function openStore(url: string, options: StoreOptions): Promise<Store> {
  const [scheme, rest] = split(url)
  if (scheme === 'memory') return new MemoryStore()
  if (scheme === 'lmdb' && rest !== '') return LmdbStore.open({ ...options, folder: path.resolve(rest) })
  throw new HieraxError('CONFIG_INVALID', `store.url is ${shown(url)}; it takes lmdb:DIR or memory:`)
}

function split(url: string): [string, string] {
  const colon = url.indexOf(':')
  return colon < 0 ? [url, ''] : [url.slice(0, colon), url.slice(colon + 1)]
}
