import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { after, describe, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { open as openLmdb } from 'lmdb'
import type { HieraxError } from '../../../src/errors.ts'
import { decodeRecord, oldestRecordVersion, recordVersion } from '../../../src/lightcurves/records/object-record.ts'
import type { Store, StoreOptions } from '../../../src/lightcurves/store.ts'
import { openStore } from '../../../src/lightcurves/stores/open.ts'
import { exportLines, importLines } from '../../../src/lightcurves/stores/transfer.ts'
import { valkey } from '../../support/valkey.ts'
import { detectionAt } from '../observations.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-versions-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const server = await valkey(true, ['--databases', '64'])

const programs = [1, 2]
const versions = Array.from({ length: recordVersion - oldestRecordVersion + 1 }, (_, at) => oldestRecordVersion + at)

/** What a release with records of that version exported. */
const exported = (version: number): string =>
  fs.readFileSync(new URL(`history/store-v${version}.ndjson`, import.meta.url), 'utf8')

/** Object ids and records of an export. */
function recordsOf(text: string): Map<string, Buffer> {
  const lines = text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { objectId?: string; record?: string })
  return new Map(
    lines.flatMap(({ objectId, record }) =>
      objectId === undefined ? [] : [[objectId, Buffer.from(record as string, 'base64')]]
    )
  )
}

async function textOf(store: Store): Promise<string> {
  const lines: string[] = []
  for await (const line of exportLines(store, error => assert.fail(error))) lines.push(line)
  // In order of the object ids, whatever that of the store is, and without the release that wrote it.
  const [head, ...rest] = lines.map(line => line.replace(/,"hierax":"[^"]*"/, ''))
  return [head, ...rest.slice(0, -1).sort(), rest.at(-1)].join('')
}

const present = exported(recordVersion).replace(/,"hierax":"[^"]*"/, '')

/** Puts records into a store behind its back, as another release left them. */
type Put = (meta: object, records: ReadonlyMap<string, Buffer>) => Promise<void>
interface Place {
  readonly url: string
  readonly put: Put
  /** The bytes that lie there of an object. */
  readonly raw: (objectId: string) => Promise<Buffer | undefined>
}

let used = 0
const places: [string, string | false, () => Place][] = [
  [
    'lmdb',
    false,
    () => {
      const at = path.join(folder, String(used++))
      const within = async <T>(work: (root: ReturnType<typeof openLmdb>) => Promise<T>): Promise<T> => {
        const root = openLmdb({ path: at, maxDbs: 8, noSubdir: false })
        try {
          return await work(root)
        } finally {
          await root.close()
        }
      }
      const binary = { name: 'objects', encoding: 'binary', keyEncoding: 'binary' } as const
      return {
        url: `lmdb:${at}`,
        put: (meta, records) =>
          within(async root => {
            await root.put('meta', meta)
            const objects = root.openDB<Buffer, Buffer>(binary)
            for (const [id, record] of records) await objects.put(Buffer.from(id), record)
          }),
        raw: objectId =>
          within(async root => {
            const record = root.openDB<Buffer, Buffer>(binary).getBinary(Buffer.from(objectId))
            return record && Buffer.from(record)
          })
      }
    }
  ],
  [
    'valkey',
    server.skip,
    () => {
      const db = used++
      const client = server.client(db)
      return {
        url: `${server.url}/${db}`,
        put: async (meta, records) => {
          await client.set('hierax:meta', JSON.stringify(meta))
          for (const [id, record] of records) {
            await client.hset(`hierax:o:${id}`, { r: record, g: Buffer.from('token') })
            await client.zadd('hierax:merged', record.readDoubleLE(40), id)
          }
        },
        raw: async objectId => (await client.hgetBuffer(`hierax:o:${objectId}`, 'r')) ?? undefined
      }
    }
  ]
]

/** As a later release would write it: its first eight bytes are laid out as today's. */
function newerRecord(objectId: string, record: Buffer): Buffer {
  const newer = Buffer.concat([record, Buffer.from('more than this release knows of')])
  newer[0] = recordVersion + 1
  newer.writeUInt32LE(crc32(newer.subarray(8), crc32(newer.subarray(0, 4), crc32(objectId))), 4)
  return newer
}

const [firstId] = recordsOf(present).keys() as unknown as [string]
const addition = { objectId: firstId, observations: [detectionAt(2459100.5)], alerts: [] }

for (const [name, skip, place] of places) {
  describe(`versions of the records, ${name}`, { skip }, () => {
    const open = (url: string, options: Partial<StoreOptions> = {}): Promise<Store> =>
      openStore(url, { programs, ...options })

    for (const version of versions) {
      test(`an export of version ${version} is imported, and exported again in the present one`, async () => {
        const store = await open(place().url)
        assert.equal(await importLines(Readable.from([exported(version)]), store, 'it'), 3)
        assert.equal(await textOf(store), present)
        await store.close()
      })

      test(`a store of version ${version} is read as it is, and migrated when it is opened for writing`, async () => {
        const { url, put, raw } = place()
        const records = recordsOf(exported(version))
        await put({ version, programs }, records)
        const looked = await open(url, { readOnly: true })
        assert.equal(await textOf(looked), present)
        assert.ok(await looked.get(firstId))
        await looked.close()
        assert.deepEqual(await raw(firstId), records.get(firstId), 'looking changes nothing')
        const store = await open(url)
        const [state] = await store.merge([addition])
        const before = decodeRecord(firstId, records.get(firstId) as Buffer)
        assert.equal(state?.curve.length, before.curve.length + 1)
        assert.deepEqual(state?.newest, before.newest)
        await store.close()
        assert.equal((await raw(firstId))?.[0], recordVersion)
        const again = await open(url)
        assert.equal((await again.get(firstId))?.curve.length, before.curve.length + 1)
        await again.close()
      })
    }

    test('a store of a newer release is refused with the name of that release, and one of no release too', async () => {
      const cases: [object, RegExp][] = [
        [
          { version: 99, hierax: '7.1.0' },
          /version 99 by Hierax "7\.1\.0"; Hierax .* reads versions 1 to \d+: run that/
        ],
        [{ version: 99 }, /version 99; .*run the newer release/],
        [{ version: 0 }, /version 0, which no release wrote/],
        [{ version: 'two' }, /version "two", which no release wrote/]
      ]
      for (const [meta, pattern] of cases) {
        const { url, put } = place()
        await put({ programs, ...meta }, new Map())
        for (const readOnly of [false, true])
          await assert.rejects(open(url, { readOnly }), { code: 'STORE_REFUSED', message: pattern })
      }
    })

    test('a record that a newer release wrote meanwhile is refused and stays, instead of being built anew', async () => {
      const { url, put, raw } = place()
      const newer = newerRecord(firstId, recordsOf(present).get(firstId) as Buffer)
      const corrupt: HieraxError[] = []
      const store = await open(url, { onCorrupt: error => corrupt.push(error) })
      await store.merge([{ ...addition, objectId: 'Other' }])
      await put({ version: recordVersion + 1, programs }, new Map([[firstId, newer]]))
      await assert.rejects(store.merge([addition]), { code: 'STORE_REFUSED', message: /newer Hierax/ })
      await store.close()
      assert.deepEqual([await raw(firstId), corrupt.length], [newer, 0])
    })

    test('a damaged version, and the record of another object, are found as damage', async () => {
      const { url, put } = place()
      const records = recordsOf(present)
      const [first, second] = [...records.keys()] as [string, string]
      const damaged = Buffer.from(records.get(first) as Buffer)
      damaged[0] = recordVersion + 1
      await put({ version: recordVersion, programs }, new Map([...records, [first, damaged], [second, damaged]]))
      const store = await open(url)
      await assert.rejects(store.get(first), { code: 'STORE_CORRUPT', message: /no version/ })
      await store.close()
      await put({ version: recordVersion, programs }, new Map([[first, records.get(second) as Buffer]]))
      const swapped = await open(url)
      await assert.rejects(swapped.get(first), { code: 'STORE_CORRUPT', message: /checksum/ })
      assert.equal((await swapped.merge([addition]))[0]?.curve.length, 1)
      await swapped.close()
    })
  })
}
