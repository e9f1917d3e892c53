import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { type AlertCutouts, cutoutKinds, decodeCutouts, encodeCutouts } from '../../../src/lightcurves/cutouts.ts'
import { openCutouts } from '../../../src/lightcurves/stores/cutouts.ts'
import { valkey } from '../../support/valkey.ts'

const server = await valkey(true)

const alert = (objectId: string, candid = 1): AlertCutouts => ({
  objectId,
  candid: BigInt(candid),
  programId: 1,
  cutouts: { science: Buffer.from(`science of ${objectId} ${candid}`), difference: Buffer.alloc(30_000, candid) }
})

function testCutouts(name: string, url: string, skip: string | false = false): void {
  describe(`images in ${name}`, { skip }, () => {
    it('are those of the objects that were updated last', async () => {
      const store = await openCutouts(url, 3)
      await store.put([alert('a'), alert('b'), alert('c')])
      await store.put([alert('a', 2)])
      assert.deepEqual((await store.get('b'))?.candid, 1n, 'reading is no update')
      await store.put([alert('d')])
      assert.equal(await store.get('b'), null)
      assert.equal((await store.get('a'))?.candid, 2n)
      assert.equal(String((await store.get('a'))?.cutouts.science), 'science of a 2')
      assert.deepEqual(Object.keys((await store.get('c'))?.cutouts ?? {}), ['science', 'difference'])
      await store.put(Array.from({ length: 40 }, (_, index) => alert(`many-${index}`)))
      for (const [objectId, kept] of [
        ['d', false],
        ['many-36', false],
        ['many-37', true],
        ['many-39', true]
      ] as const)
        assert.equal((await store.get(objectId)) !== null, kept, objectId)
      await store.put([{ ...alert('many-38'), programId: 2 }])
      const listed: Record<string, number | null> = {}
      for await (const { objectId, programId } of store.list()) listed[objectId] = programId
      assert.deepEqual(listed, { 'many-37': 1, 'many-38': 2, 'many-39': 1 })
      assert.equal(await store.remove(['many-39', 'nobody']), 1)
      assert.equal(await store.get('many-39'), null)
      await store.put([alert('many-36'), alert('many-39')])
      assert.deepEqual(
        await Promise.all(['many-36', 'many-37', 'many-38', 'many-39'].map(async id => (await store.get(id)) !== null)),
        [true, false, true, true],
        'what was removed leaves room'
      )
      await store.put([alert('many-37'), alert('many-38'), alert('many-39')])
      await store.put([])
      const several = Array.from({ length: 40 }, (_, index) => alert(`many-${index}`))
      const kept = store.put(several)
      for (const { cutouts } of several) for (const bytes of Object.values(cutouts)) bytes.fill(0)
      await kept
      assert.deepEqual((await store.get('many-39'))?.cutouts, alert('many-39').cutouts, 'packets are not read later')
      await store.close()
      if (url === 'memory:') return
      const smaller = await openCutouts(url, 2)
      await smaller.put([alert('many-38', 9)])
      assert.deepEqual(
        await Promise.all(['many-37', 'many-38', 'many-39'].map(async id => (await smaller.get(id))?.candid)),
        [undefined, 9n, 1n],
        'after it was opened again with a lower limit'
      )
      await smaller.close()
    })
  })
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-cutouts-'))
after(() => fs.rmSync(folder, { recursive: true }))
testCutouts('memory', 'memory:')
testCutouts('LMDB', `lmdb:${folder}/store`)
testCutouts('Valkey', `${server.url}/5`, server.skip)

describe('images as bytes', () => {
  it('are the same afterwards; damaged ones are none', () => {
    const cutouts = fc.dictionary(fc.constantFrom(...cutoutKinds), fc.uint8Array({ minLength: 1 }))
    const alerts = fc.record({ candid: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), programId: fc.nat(3), cutouts })
    fc.assert(
      fc.property(alerts, fc.nat(), (given, cut) => {
        const bytes = encodeCutouts({ objectId: 'a', ...given })
        const read = decodeCutouts('a', bytes)
        assert.equal(read?.candid, given.candid)
        for (const kind of cutoutKinds)
          assert.deepEqual(Buffer.from(read?.cutouts[kind] ?? []), Buffer.from(given.cutouts[kind] ?? []))
        assert.equal(decodeCutouts('a', bytes.subarray(0, cut % bytes.length)), null)
      })
    )
  })
})
