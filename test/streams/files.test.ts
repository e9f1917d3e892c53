import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { type FilePacketOptions, openPackets } from '../../src/streams/files.ts'
import { needsShared, sharedFiles } from '../support/shared.ts'

let folder = ''
const at = (...names: string[]) => path.join(folder, ...names)

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'hierax-files-'))
})
after(() => rm(folder, { recursive: true }))

async function tar(members: Record<string, string>): Promise<Buffer> {
  const archive = pack()
  for (const [name, content] of Object.entries(members)) archive.entry({ name }, content)
  archive.entry({ name: 'a-folder.avro', type: 'directory' })
  archive.finalize()
  return buffer(archive as unknown as Readable)
}

async function read(paths: string[], options?: FilePacketOptions): Promise<string[]> {
  const seen: string[] = []
  for await (const { path: name, bytes, error } of await openPackets(paths, options)) {
    seen.push(`${path.relative(folder, name)}=${bytes ? Buffer.from(bytes).toString() : error?.code}`)
  }
  return seen
}

test('files come as named, folders recursively and sorted by name, other files of a folder are left out', async () => {
  await mkdir(at('night', 'b'), { recursive: true })
  for (const name of ['c.avro', 'a.avro', 'notes.txt', 'b/2.AVRO', 'b/1.avro', '._a.avro']) {
    await writeFile(at('night', name), name)
  }
  await writeFile(at('odd.bin'), 'odd')
  await symlink('..', at('night', 'loop'))
  assert.deepEqual(await read([at('odd.bin'), at('night')]), [
    'odd.bin=odd',
    'night/a.avro=a.avro',
    'night/b/1.avro=b/1.avro',
    'night/b/2.AVRO=b/2.AVRO',
    'night/c.avro=c.avro'
  ])
  assert.equal((await openPackets([at('night'), at('odd.bin')])).total, 5)
})

test('archives are read member by member in their own order, alone or in a folder', async () => {
  const members = { 'z.avro': 'z', './x/a.avro': 'a', 'readme.txt': 'no', '._z.avro': 'no' }
  await mkdir(at('tars'))
  await writeFile(at('tars', '1.tar'), await tar(members))
  await writeFile(at('tars', '2.tar.gz'), gzipSync(await tar(members)))
  await writeFile(at('tars', '3.tgz'), gzipSync(await tar({ 'only.avro': 'o' })))
  const expected = [
    '1.tar!z.avro=z',
    '1.tar!./x/a.avro=a',
    '2.tar.gz!z.avro=z',
    '2.tar.gz!./x/a.avro=a',
    '3.tgz!only.avro=o'
  ]
  assert.deepEqual(
    await read([at('tars')]),
    expected.map(line => `tars/${line}`)
  )
  assert.equal((await openPackets([at('tars')])).total, null)
})

test('a message in two files has its key, in folders and archives, whichever file comes first', async () => {
  const keys = async (paths: string[], options?: FilePacketOptions) => {
    const seen: string[] = []
    for await (const { path: name, bytes, key } of await openPackets(paths, options))
      seen.push(`${path.relative(folder, name)}=${Buffer.from(bytes ?? []).toString()}:${key && Buffer.from(key)}`)
    return seen
  }
  await mkdir(at('pairs'))
  for (const name of ['0.key', '0.value', '1.value', '2.key']) await writeFile(at('pairs', name), name)
  const pair = 'pairs/0.value=0.value:0.key'
  assert.deepEqual(await keys([at('pairs')]), [pair, 'pairs/1.value=1.value:null'])
  assert.deepEqual(await keys([at('pairs', '0.key'), at('pairs', '0.value')]), [pair])
  assert.deepEqual(await keys([at('pairs', '0.key')]), [pair])
  assert.deepEqual(await keys([at('pairs', '2.key')]), ['pairs/2.key=2.key:null'])
  const members = { 'a.value': 'A', 'b.key': 'kb', 'c.value': 'C', 'b.value': 'B', 'x.avro': 'X', 'a.key': 'ka' }
  await writeFile(at('pairs.tar'), await tar(members))
  const inTar = (...names: string[]) => names.map(name => `pairs.tar!${name}`)
  assert.deepEqual(
    await keys([at('pairs.tar')]),
    inTar('b.value=B:kb', 'x.avro=X:null', 'a.value=A:ka', 'c.value=C:null')
  )
  // With room for two bytes, a value goes on without its key rather than wait.
  assert.deepEqual(
    await keys([at('pairs.tar')], { maximumBytes: 2 }),
    inTar('b.value=B:null', 'x.avro=X:null', 'a.value=A:ka', 'c.value=C:null')
  )
})

test('packets compressed with gzip are read, one by one and in archives', async () => {
  await mkdir(at('zipped'))
  await writeFile(at('zipped', 'a.avro.gz'), gzipSync('a'))
  await writeFile(at('zipped', 'b.avro'), 'b')
  await writeFile(at('zipped', 'c.avro.gz'), gzipSync(randomBytes(4000)).subarray(0, 2000))
  await writeFile(at('zipped', 'd.avro.gz'), gzipSync('d'.repeat(200_000)))
  const members = [
    ['1.avro.gz', gzipSync('one')],
    ['2.avro.gz', Buffer.from('no gzip')],
    ['3.avro', Buffer.from('three')]
  ] as const
  const archive = pack()
  for (const [name, content] of members) archive.entry({ name }, content)
  archive.finalize()
  await writeFile(at('zipped', 'e.tar'), await buffer(archive as unknown as Readable))
  assert.deepEqual(await read([at('zipped')], { maximumBytes: 100_000 }), [
    'zipped/a.avro.gz=a',
    'zipped/b.avro=b',
    'zipped/c.avro.gz=FILE_UNREADABLE',
    'zipped/d.avro.gz=FILE_TOO_LARGE',
    'zipped/e.tar!1.avro.gz=one',
    'zipped/e.tar!2.avro.gz=FILE_UNREADABLE',
    'zipped/e.tar!3.avro=three'
  ])
})

test('a damaged archive yields what could be read, then an error, and the next path goes on', async () => {
  const whole = await tar({ '1.avro': 'one', '2.avro': 'x'.repeat(5000), '3.avro': 'three' })
  const noise = randomBytes(300_000)
  const zipped = gzipSync(await tar({ '1.avro': 'one', '2.avro': noise.toString('base64') }))
  await writeFile(at('cut.tar'), whole.subarray(0, 3000))
  await writeFile(at('cut.tgz'), zipped.subarray(0, zipped.length - 100_000))
  await writeFile(at('not.tar'), 'this is no archive at all '.repeat(100))
  await writeFile(at('not.tar.gz'), whole)
  await writeFile(at('empty.tar'), '')
  await writeFile(at('last.avro'), 'last')
  assert.deepEqual(
    await read(['cut.tar', 'cut.tgz', 'not.tar', 'not.tar.gz', 'empty.tar', 'last.avro'].map(n => at(n))),
    [
      'cut.tar!1.avro=one',
      'cut.tar=ARCHIVE_INVALID',
      'cut.tgz!1.avro=one',
      'cut.tgz=ARCHIVE_INVALID',
      'not.tar=ARCHIVE_INVALID',
      'not.tar.gz=ARCHIVE_INVALID',
      'empty.tar=ARCHIVE_INVALID',
      'last.avro=last'
    ]
  )
})

test('what is longer than the bound is refused by itself, wherever it lies', async () => {
  await writeFile(at('long.avro'), 'x'.repeat(101))
  await writeFile(at('fits.avro'), 'y'.repeat(100))
  await writeFile(at('long.tar'), await tar({ 'long.avro': 'x'.repeat(101), 'short.avro': 's' }))
  const stdin = Readable.from([Buffer.alloc(60), Buffer.alloc(60)])
  const seen = await read([at('long.avro'), at('fits.avro'), at('long.tar'), '-'], { maximumBytes: 100, stdin })
  assert.deepEqual(
    seen.map(line => line.replace(/=y+$/, '=y')),
    [
      'long.avro=FILE_TOO_LARGE',
      'fits.avro=y',
      'long.tar!long.avro=FILE_TOO_LARGE',
      'long.tar!short.avro=s',
      `${path.relative(folder, '-')}=FILE_TOO_LARGE`
    ]
  )
})

test('standard input is one packet', async () => {
  const seen: unknown[] = []
  const stdin = Readable.from([Buffer.from('Obj'), Buffer.from('1')])
  for await (const packet of await openPackets(['-'], { stdin })) seen.push([packet.path, String(packet.bytes)])
  assert.deepEqual(seen, [['-', 'Obj1']])
  await assert.rejects(openPackets(['-', '-']), { code: 'USAGE' })
})

test('missing paths and folders without packets are named before anything is read', async () => {
  await mkdir(at('empty'))
  await writeFile(at('there.avro'), 'x')
  const missing = at('missing.avro')
  await assert.rejects(openPackets([at('there.avro'), missing]), error => {
    assert.ok(error instanceof Error && error.message.includes(missing), String(error))
    assert.equal((error as unknown as { code: string }).code, 'INPUT_NOT_FOUND')
    return true
  })
  await assert.rejects(openPackets([at('empty')]), {
    code: 'INPUT_NOT_FOUND',
    message: /holds no \.avro, \.avro\.gz or \.value file/
  })
})

test('a file that vanishes after it was found is an error of its own', async () => {
  await writeFile(at('gone.avro'), 'x')
  const packets = await openPackets([at('gone.avro'), at('there.avro')])
  await rm(at('gone.avro'))
  const codes: unknown[] = []
  for await (const packet of packets) codes.push(packet.error?.code ?? String(packet.bytes))
  assert.deepEqual(codes, ['FILE_UNREADABLE', 'x'])
})

test('leaving the loop early closes the archive', async () => {
  for await (const packet of await openPackets([at('tars', '1.tar')])) {
    assert.equal(packet.error, null)
    break
  }
})

test('the archive of real packets is read whole', needsShared(), async () => {
  const archives = sharedFiles('alerts', '.tar.gz')
  assert.ok(archives.length > 0)
  let packets = 0
  for await (const packet of await openPackets(archives)) {
    assert.equal(packet.error, null)
    assert.equal(Buffer.from(packet.bytes ?? []).toString('latin1', 0, 4), 'Obj\x01')
    packets += 1
  }
  assert.ok(packets > 10, `${packets} packets`)
})
