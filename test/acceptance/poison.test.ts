import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { kafka } from '../support/brokers.ts'
import { temporaryFolder } from '../support/service.ts'
import { valkey } from '../support/valkey.ts'
import { keepRunning, poisonedTopic } from './poisoned.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const running = await kafka()
const server = await valkey()
const script = fileURLToPath(new URL('../support/poisoned-service.mjs', import.meta.url))

/** Store, the reason to skip it, its URL, and the indices of the poison packets. */
const stores = [
  ['lmdb', false, `lmdb:${path.join(folder, 'store')}`, [13, 42]],
  ['valkey', server.skip, `${server.url}/4`, [13]]
] as const

for (const [name, missing, store, poisonous] of stores) {
  describe(`packets that crash the process, with a ${name} store`, { skip: running.skip || missing }, () => {
    test('are rejected, and all others are classified', async t => {
      const topic = await poisonedTopic(running, poisonous)
      const deaths = await keepRunning([script], topic.settings(store), topic.done)
      t.diagnostic(`${topic.expected.length} packets among 60 cost ${deaths} deaths`)
      // Three deaths with the packet alone, preceded by one with others in flight unless it was fetched alone.
      assert.ok(deaths >= 3 && deaths <= 4 * topic.expected.length, `${deaths} deaths`)
      await topic.judge()
    })
  })
}
