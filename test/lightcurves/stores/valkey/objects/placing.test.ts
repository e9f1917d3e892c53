import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ValkeyConnection } from '../../../../../src/lightcurves/stores/valkey/connection.ts'
import { Placing } from '../../../../../src/lightcurves/stores/valkey/objects/placing.ts'

test('ids of an index that is not complete are listed in order, each once, with a bounded number in memory', async () => {
  const ids = Array.from({ length: 1000 }, (_, index) => `Z${(index * 389) % 1000}${index % 3 ? '' : '★𝒵'}`)
  // It lists some of them twice.
  const pages = Array.from({ length: 100 }, (_, page) => [...ids.slice(10 * page, 10 * page + 12)])
  let passes = 0
  const objects = {
    async *pages() {
      passes++
      yield* pages
    },
    read: async () => []
  }
  const incomplete = { request: (_: string, __: string, ask: () => unknown) => ask(), call: async () => 0 }
  const placing = new Placing(incomplete as unknown as ValkeyConnection, objects, 64)
  const listed = async (after: string): Promise<string[]> => {
    const found: string[] = []
    for await (const id of placing.idsAfter(after)) found.push(id)
    return found
  }
  const sorted = ids
    .map(id => Buffer.from(id))
    .sort(Buffer.compare)
    .map(String)
  assert.deepEqual(await listed(''), sorted)
  assert.equal(passes, Math.floor(1000 / 64) + 1)
  const after = sorted[500] as string
  assert.deepEqual(await listed(after), sorted.slice(501))
  assert.deepEqual(await listed(sorted.at(-1) as string), [])
})
