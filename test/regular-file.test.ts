import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { readModelFolder } from '../src/classifier/model-folder.ts'
import { loadConfig } from '../src/config/load.ts'
import { checkRegular } from '../src/regular-file.ts'
import { openPackets } from '../src/streams/files.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-regular-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const fifo = path.join(folder, 'fifo')
execFileSync('mkfifo', [fifo])

test('only a regular file, or a link to one, is read', async () => {
  const file = path.join(folder, 'file')
  fs.writeFileSync(file, '')
  fs.symlinkSync(file, path.join(folder, 'link'))
  for (const good of ['file', 'link']) checkRegular(path.join(folder, good))
  const server = net.createServer().listen(path.join(folder, 'socket'))
  await new Promise(resolve => server.once('listening', resolve))
  const refused: [string, RegExp][] = [
    [folder, /it is a folder, not a regular file/],
    [fifo, /a FIFO/],
    ['/dev/zero', /a device/],
    [path.join(folder, 'socket'), /a socket/],
    [path.join(folder, 'none'), /ENOENT/]
  ]
  for (const [bad, message] of refused) assert.throws(() => checkRegular(bad), message)
  server.close()
})

test('a FIFO as configuration, secret, certificate, model file or packet is an error at once', async () => {
  const message = /it is a FIFO, not a regular file/
  assert.throws(() => loadConfig({ env: {}, file: fifo }), { code: 'CONFIG_UNREADABLE', message })
  assert.throws(() => loadConfig({ env: { HIERAX_HTTP_TOKEN_FILE: fifo } }), { code: 'CONFIG_INVALID', message })
  assert.throws(() => loadConfig({ env: { HIERAX_INPUT_SSL_CA: fifo } }), { code: 'CONFIG_INVALID', message })

  const model = path.join(folder, 'model')
  fs.cpSync(new URL('../models/ztf-hawk-2', import.meta.url), model, { recursive: true })
  for (const name of ['weights.bin', 'card.json']) {
    fs.rmSync(path.join(model, name))
    execFileSync('mkfifo', [path.join(model, name)])
    await assert.rejects(readModelFolder(model), { code: 'MODEL_INVALID', message })
  }

  await assert.rejects(openPackets([fifo]), { code: 'INPUT_NOT_FOUND', message })
  await assert.rejects(openPackets(['/dev/zero']), { code: 'INPUT_NOT_FOUND', message: /it is a device/ })
  const night = path.join(folder, 'night')
  fs.mkdirSync(night)
  for (const name of ['a.avro', 'b.tar']) fs.symlinkSync(fifo, path.join(night, name))
  const found = []
  for await (const { error } of await openPackets([night]))
    found.push([error?.code, message.test(error?.message ?? '')])
  assert.deepEqual(found, [
    ['FILE_UNREADABLE', true],
    ['FILE_UNREADABLE', true]
  ])
})
