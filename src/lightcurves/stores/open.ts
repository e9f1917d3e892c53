import path from 'node:path'
import { HieraxError, shown } from '../../errors.ts'
import type { Store } from '../store.ts'
import { LmdbStore } from './lmdb.ts'
import { MemoryStore } from './memory.ts'
import { valkeyAddress } from './valkey/connection.ts'
import { ValkeyStore } from './valkey/store.ts'

/** How a store is opened, whatever its kind. */
export interface StoreOptions {
  readonly programs: readonly number[]
  readonly readOnly?: boolean
  /** A server that can't be reached is waited for, behind the store that is returned. */
  readonly patient?: boolean
  readonly onCorrupt?: (error: HieraxError) => void
  /** Told what operators should know of where the store lives. */
  readonly onNotice?: (notice: string) => void
  /** Called when this process can't use the store again (`lost` of the store), and only a new process can. */
  readonly onLost?: (error: HieraxError) => void
}

/**
 * Opens the store behind a URL: `lmdb:DIR`, `valkey://host:port/db` (also `redis://`; `valkeys://` and `rediss://` with TLS)
 * or `memory:`. Rejects with CONFIG_INVALID for any other, with STORE_REFUSED or STORE_FAILED where it can't be used.
 */
export async function openStore(url: string, options: StoreOptions): Promise<Store> {
  const [scheme, rest] = split(url)
  if (scheme === 'memory') return new MemoryStore(options.programs)
  if (scheme === 'lmdb' && rest !== '') return LmdbStore.open({ ...options, folder: path.resolve(rest) })
  if (/^(valkey|redis)s?$/.test(scheme) && URL.canParse(url)) {
    return ValkeyStore.open({ ...options, address: valkeyAddress(url) })
  }
  throw new HieraxError(
    'CONFIG_INVALID',
    `store.url is ${shown(url)}; it takes lmdb:DIR, valkey://host:port/db or memory:`
  )
}

function split(url: string): [string, string] {
  const colon = url.indexOf(':')
  return colon < 0 ? [url, ''] : [url.slice(0, colon), url.slice(colon + 1)]
}
