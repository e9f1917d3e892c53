import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { type PurgeOptions, purgeNamed } from '../../src/cli/store-purge.ts'
import type { Addition } from '../../src/lightcurves/store.ts'
import { openCutouts } from '../../src/lightcurves/stores/cutouts.ts'
import { openStore } from '../../src/lightcurves/stores/open.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { runHierax } from '../support/service.ts'
import { valkey } from '../support/valkey.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-store-cli-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const server = await valkey(true)

const add = (objectId: string, ...days: number[]): Addition => ({
  objectId,
  observations: days.flatMap(day => [1n, 2n].map(candid => detectionAt(2459000.5 + day, { candid }))),
  alerts: days.map(day => ({
    record: { candid: BigInt(day), jd: 2459000.5 + day, ra: 10, dec: -5, programId: 1, photometry: null },
    admitted: true
  }))
})
const lmdb = (name: string): string => `lmdb:${path.join(folder, name)}`

/** Every record of a store, byte for byte. */
async function records(url: string, programs = [1]): Promise<[string, string][]> {
  const store = await openStore(url, { programs, readOnly: true })
  const found: [string, string][] = []
  for await (const object of store.records())
    found.push([object.objectId, 'record' in object ? object.record.toString('hex') : 'corrupt'])
  await store.close()
  return found.sort()
}

/** A store that is open as that of a running service is, with 300 objects. */
async function filled(url: string): Promise<() => Promise<void>> {
  const store = await openStore(url, { programs: [1] })
  await store.merge(Array.from({ length: 300 }, (_, index) => add(`Z${index}`, index, index + 1)))
  return () => store.close()
}

describe('hierax store', { skip: server.skip }, () => {
  test('moves every object from LMDB to Valkey and back, byte for byte, while they are in use', async () => {
    const close = await filled(lmdb('source'))
    const file = path.join(folder, 'objects.ndjson.gz')
    const out = await runHierax(['store', 'export', file, '--store', lmdb('source')])
    assert.deepEqual([out.code, out.stderr], [0, `300 objects of ${lmdb('source')} exported\n`])
    assert.equal(gunzipSync(fs.readFileSync(file)).toString().trimEnd().split('\n').length, 302)
    const itself = path.join(lmdb('source').slice('lmdb:'.length), 'data.mdb')
    const refused = await runHierax(['store', 'export', itself, '--store', lmdb('source')])
    assert.match(refused.stderr, /USAGE: the export .*data\.mdb would overwrite a file in the store /)
    assert.equal(refused.code, 2)
    const moved = await runHierax(['store', 'import', file, '--store', `${server.url}/3`])
    assert.deepEqual([moved.code, moved.stderr], [0, `300 objects imported into ${server.url}/3\n`])
    assert.deepEqual(await records(`${server.url}/3`), await records(lmdb('source')))
    const back = await runHierax(['store', 'export', '--store', `${server.url}/3`])
    assert.equal(back.code, 0)
    const again = await runHierax(['store', 'import', '--store', lmdb('back')], { input: Buffer.from(back.stdout) })
    assert.equal(again.code, 0, again.stderr)
    assert.deepEqual(await records(lmdb('back')), await records(lmdb('source')))
    await close()
  })

  test('an import is merged into what is there, in any order', async () => {
    const parts = ['one', 'two'].map(lmdb)
    const lines: string[] = []
    for (const [index, url] of parts.entries()) {
      const store = await openStore(url, { programs: [1] })
      await store.merge([{ ...add('Both', index, 5), mergedAt: 1000 + index }, add(`Only${index}`, 1)])
      await store.close()
      lines.push((await runHierax(['store', 'export', '--store', url])).stdout)
    }
    for (const [name, order] of Object.entries({ ab: [0, 1, 0], ba: [1, 0] }))
      for (const index of order) {
        const { code, stderr } = await runHierax(['store', 'import', '--store', lmdb(name)], {
          input: Buffer.from(lines[index] as string)
        })
        assert.equal(code, 0, stderr)
      }
    assert.deepEqual(await records(lmdb('ab')), await records(lmdb('ba')))
    const store = await openStore(lmdb('ab'), { programs: [1], readOnly: true })
    assert.equal((await store.get('Both'))?.curve.length, 3)
    await store.close()
  })

  test('refuses a line without an end', async () => {
    const file = path.join(folder, 'endless.ndjson.gz')
    fs.writeFileSync(file, gzipSync(Buffer.alloc(70 * 1024 * 1024, 'a')))
    const { code, stderr } = await runHierax(['store', 'import', file, '--store', lmdb('endless')])
    assert.deepEqual([code, /EXPORT_INVALID: .* line 1: it has more than \d+ bytes/.test(stderr)], [2, true], stderr)
  })

  test('deletes objects while they are in use, and names the unknown ones', async () => {
    for (const url of [lmdb('deleted'), `${server.url}/5`]) {
      const close = await filled(url)
      const { code, stdout, stderr } = await runHierax(['store', 'delete', 'Z7', 'Nobody', 'Z8', 'Z7', '--store', url])
      assert.deepEqual([code, stdout], [1, 'deleted: Z7\ndeleted: Z8\n'])
      assert.match(stderr, /^hierax: OBJECT_NOT_FOUND: .* holds no object "Nobody"\./)
      const again = await runHierax(['store', 'delete', 'Z9', '--store', url])
      assert.deepEqual([again.code, again.stdout, again.stderr], [0, 'deleted: Z9\n', ''])
      assert.equal((await records(url)).length, 297)
      await close()
    }
    const absent = await runHierax(['store', 'delete', 'Z1', '--store', lmdb('absent')])
    assert.equal(absent.code, 2)
    assert.match(absent.stderr, /INPUT_NOT_FOUND: There is no store in/)
    assert.equal(fs.existsSync(path.join(folder, 'absent')), false)
  })

  test('purge removes what is of some programmes, and unlocks the store for those who do not admit them', async () => {
    const of = (objectId: string, day: number, program?: number): Addition => ({
      objectId,
      observations: [detectionAt(2459000.5 + day, program === undefined ? {} : { program })],
      alerts: add(objectId, day).alerts.map(({ record }) => ({
        record: { ...record, programId: program ?? 1 },
        admitted: true
      }))
    })
    for (const url of [lmdb('purged'), `${server.url}/6`]) {
      const open = await openStore(url, { programs: [1, 2, 3] })
      await open.merge([of('Public', 1, 1), of('Mixed', 1, 1), of('Private', 1, 2), of('Early', 1)])
      await open.merge([of('Mixed', 2, 2), of('Early', 2, 3)])
      const cutouts = await openCutouts(url, 10)
      for (const [objectId, programId] of [
        ['Public', 1],
        ['Private', 2]
      ] as const)
        await cutouts.put([{ objectId, candid: 1n, programId, cutouts: { science: Buffer.from(objectId) } }])
      const said: string[] = []
      const purge = (options: Omit<PurgeOptions, 'store'>) =>
        purgeNamed({ store: url, ...options }, text => said.push(text))
      const before = await records(url, [1, 2, 3])

      await assert.rejects(purge({}), { code: 'USAGE', message: /--programs is required/ })
      await assert.rejects(purge({ programs: [2, 3] }), {
        code: 'USAGE',
        message: /holds 1 points of unknown programme.*Nothing was deleted/
      })
      const found = { objects: 3, removedObjects: 1, points: 3, unknownPoints: 1, alerts: 3 }
      const rest = { store: url, programs: [2, 3], unknown: 'keep', corrupt: 0, held: [1] }
      const dry = await purge({ programs: [2, 3], unknown: 'keep', dryRun: true })
      assert.deepEqual(dry, { ...found, ...rest, dryRun: true, cutouts: 0 })
      assert.deepEqual(await records(url, [1, 2, 3]), before)
      await assert.rejects(openStore(url, { programs: [1] }), {
        code: 'STORE_REFUSED',
        message: /programme 2, 3.*store purge --programs 2,3/
      })

      const done = await purge({ programs: [2, 3], unknown: 'keep' })
      assert.deepEqual(done, { ...found, ...rest, dryRun: false, cutouts: 1 })
      assert.deepEqual([await cutouts.get('Private'), (await cutouts.get('Public'))?.programId], [null, 1])
      const narrow = await openStore(url, { programs: [1] })
      const points = await Promise.all(
        ['Public', 'Mixed', 'Private', 'Early'].map(async id => (await narrow.get(id))?.curve.length)
      )
      assert.deepEqual(points, [1, 1, undefined, 1])
      await narrow.close()
      const after = await records(url)
      const verified = JSON.parse((await runHierax(['store', 'verify', '--store', url, '--json'])).stdout)
      assert.deepEqual([verified.programs, verified.pointsByProgram], [[1], { 1: 2, unknown: 1 }])
      const again = await purge({ programs: [2, 3] })
      assert.deepEqual([again.objects, again.points, again.held], [0, 0, [1]])
      assert.deepEqual([await records(url), said], [after, []])
      const all = await runHierax(['store', 'purge', '--programs', '1', '--store', url])
      assert.deepEqual(
        [all.code, all.stdout],
        [
          0,
          `${url}: 2 points and 1 alerts of programme 1 deleted, in 3 objects\n` +
            '  3 objects without other points deleted\n  1 points of unknown programme deleted\n' +
            '  images of 1 alerts deleted\n  programmes of the store: none\n'
        ]
      )
      assert.match(all.stderr, /^note: the configuration still admits/)
      assert.deepEqual(await records(url), [])
      await cutouts.close()
      await open.close()
    }
    const absent = await runHierax(['store', 'purge', '--programs', '2', '--store', lmdb('absent')])
    assert.deepEqual([absent.code, fs.existsSync(path.join(folder, 'absent'))], [2, false])
  })

  test('a damaged line is refused by its number, and nothing of it gets in', async () => {
    const close = await filled(lmdb('whole'))
    const text = (await runHierax(['store', 'export', '--store', lmdb('whole')])).stdout
    await close()
    const lines = text.trimEnd().split('\n')
    const damage = (line: number, change: (text: string) => string): string =>
      lines.map((one, index) => (index === line - 1 ? change(one) : one)).join('\n')
    const cases: [string, RegExp][] = [
      [damage(7, line => line.replace(/"record":"(.{90})./, '"record":"$1/')), /line 7: its checksum does not match/],
      [damage(8, line => line.replace(/"objectId":"Z/, '"objectId":"Y')), /line 8: its checksum does not match/],
      [damage(9, line => line.slice(0, 50)), /line 9: it is no JSON object/],
      [damage(1, () => '{"format":"other"}'), /line 1: it does not begin as an export/],
      [lines.slice(0, -1).join('\n'), /line 302: the end is missing/],
      [lines.filter((_, index) => index !== 20).join('\n'), /line 301: 300 objects are announced, 299 came/],
      [damage(1, line => line.replace(/"version":\d+/, '"version":7')), /STORE_REFUSED.*version 7.*run that release/],
      [damage(1, line => line.replace('[1]', '[1,2]')), /STORE_REFUSED.*programme 2/]
    ]
    for (const [index, [input, pattern]] of cases.entries()) {
      const { code, stderr } = await runHierax(['store', 'import', '--store', lmdb(`damaged${index}`)], {
        input: Buffer.from(input)
      })
      assert.equal(code, 2, stderr)
      assert.match(stderr, pattern)
    }
  })

  test('verify counts what is there and exits 1 for what is damaged, on every kind of store', async () => {
    for (const url of [lmdb('verified'), `${server.url}/4`]) {
      const close = await filled(url)
      const good = await runHierax(['store', 'verify', '--store', url])
      assert.deepEqual([good.code, good.stdout], [0, `${url}: 300 objects, 600 points, 0 corrupt\n`])
      await close()
    }
    const data = path.join(folder, 'verified', 'data.mdb')
    const bytes = fs.readFileSync(data)
    const needle = Buffer.alloc(8)
    needle.writeDoubleLE(2459000.5 + 300)
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1))
      bytes[at + 9] = (bytes[at + 9] as number) ^ 1
    fs.writeFileSync(data, bytes)
    await server.client(4).hset('hierax:o:Z299', 'r', Buffer.from('nothing of ours'))
    for (const url of [lmdb('verified'), `${server.url}/4`]) {
      const bad = await runHierax(['store', 'verify', '--store', url, '--json'])
      assert.equal(bad.code, 1)
      const result = JSON.parse(bad.stdout)
      assert.deepEqual(
        [result.objects, result.corrupt.map(({ objectId }: { objectId: string }) => objectId)],
        [300, ['Z299']]
      )
      const out = await runHierax(['store', 'export', '--store', url])
      assert.deepEqual([out.code, out.stdout.trimEnd().split('\n').length], [1, 301])
      assert.match(out.stderr, /left out: .*"Z299"/)
    }
  })

  test('inspect shows an object of either store in the same way', async () => {
    const shown = await Promise.all(
      [lmdb('source'), `${server.url}/3`].map(url => runHierax(['store', 'inspect', 'Z7', '--store', url]))
    )
    assert.equal(shown[0]?.code, 0, shown[0]?.stderr)
    assert.equal(shown[0]?.stdout, shown[1]?.stdout)
    const missing = await runHierax(['store', 'inspect', 'None', '--store', `${server.url}/3`])
    assert.match(missing.stderr, /OBJECT_NOT_FOUND/)
    assert.equal((await runHierax(['store', 'verify', '--store', lmdb('nowhere')])).code, 2)
  })
})
