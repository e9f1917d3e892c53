import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { JournalFiles } from '../../../src/lightcurves/stores/journal-files.ts'
import { temporaryFolder } from '../../support/service.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

test('a name that is no file name stays within the folder of the journal', async () => {
  const journal = new JournalFiles(path.join(folder, 'journal'))
  await journal.write('../../outside/0', 'note')
  assert.equal(await journal.read('../../outside/0'), 'note')
  assert.deepEqual(fs.readdirSync(path.join(folder, 'journal')), ['..%2F..%2Foutside%2F0'])
})

test('partitions of long names, in any script, have notes of their own', async () => {
  const journal = new JournalFiles(path.join(folder, 'long'))
  const partitions = ['g', 'я', '夜', ' '].flatMap(letter =>
    [0, 1].map(partition => `${letter.repeat(249)}/${'t'.repeat(249)}/${partition}`)
  )
  for (const partition of partitions) await journal.write(partition, `note of ${partition}`)
  for (const partition of partitions) assert.equal(await journal.read(partition), `note of ${partition}`)
  assert.equal(fs.readdirSync(path.join(folder, 'long')).length, partitions.length)
})

test('notes of nights long gone are removed', async () => {
  const place = path.join(folder, 'old')
  await new JournalFiles(place).write('night/0', 'note')
  await new JournalFiles(place).write('night/1', 'note')
  const longAgo = Date.now() / 1000 - 40 * 86_400
  fs.utimesSync(path.join(place, 'night%2F0'), longAgo, longAgo)
  const journal = new JournalFiles(place)
  assert.equal(await journal.read('night/0'), null)
  assert.equal(await journal.read('night/1'), 'note')
})
