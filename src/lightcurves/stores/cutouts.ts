import fs from 'node:fs'
import path from 'node:path'
import { LRUCache } from 'lru-cache'
import type { AlertCutouts, CutoutStore } from '../cutouts.ts'

/** Opens the images beside the light curves of a store: in the folder `cutouts` of an LMDB store, on the same server, or in memory. */
export async function openCutouts(url: string, max: number): Promise<CutoutStore> {
  if (url.startsWith('memory:')) return memoryCutouts(max)
  if (url.startsWith('lmdb:')) {
    const { LmdbCutouts } = await import('./lmdb-cutouts.ts')
    return new LmdbCutouts(path.resolve(url.slice('lmdb:'.length), 'cutouts'), max)
  }
  const { valkeyAddress } = await import('./valkey/connection.ts')
  const { ValkeyCutouts } = await import('./valkey/cutouts.ts')
  return new ValkeyCutouts(valkeyAddress(url), max)
}

/** The images beside an existing store; null if there are none. */
export async function openExistingCutouts(url: string): Promise<CutoutStore | null> {
  if (url.startsWith('lmdb:') && !fs.existsSync(path.resolve(url.slice('lmdb:'.length), 'cutouts', 'data.mdb')))
    return null
  return openCutouts(url, Number.POSITIVE_INFINITY)
}

function memoryCutouts(max: number): CutoutStore {
  const kept = new LRUCache<string, AlertCutouts>({ max })
  return {
    async put(alerts) {
      for (const alert of alerts) {
        // A copy, because a view would keep the whole packet in memory.
        const copies = Object.entries(alert.cutouts).map(([kind, bytes]) => [kind, Buffer.from(bytes)])
        kept.set(alert.objectId, { ...alert, cutouts: Object.fromEntries(copies) })
      }
    },
    // Reading must not count as an update.
    get: async objectId => kept.peek(objectId) ?? null,
    async *list() {
      for (const [objectId, { programId }] of kept.entries()) yield { objectId, programId }
    },
    remove: async objectIds => objectIds.filter(objectId => kept.delete(objectId)).length,
    async close() {}
  }
}
