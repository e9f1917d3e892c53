import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { kafka } from '../support/brokers.ts'
import { hierax, temporaryFolder } from '../support/service.ts'
import { valkey } from '../support/valkey.ts'
import { keepRunning, poisonedTopic } from './poisoned.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const running = await kafka()
const server = await valkey()
const poison = `--import=${fileURLToPath(new URL('../support/poisoned-decoder.mjs', import.meta.url))}`
const stores = [
  ['lmdb', false, (form: string) => `lmdb:${path.join(folder, form)}`],
  ['valkey', server.skip, (form: string) => `${server.url}/${form === 'workers' ? 5 : 6}`]
] as const

/** The selected combinations, since each waits for expired sessions at least four times. `POISON=all` runs all. */
const wanted = (process.env.POISON ?? 'workers lmdb,services valkey').split(',')
const runs = (form: string): boolean => wanted.includes('all') || wanted.includes(form)

describe('packets that crash a member of a group are rejected, and all others classified', {
  concurrency: true
}, () => {
  for (const [name, missing, urlOf] of stores) {
    const skip = running.skip || missing
    if (runs(`workers ${name}`))
      test(`with workers, over a ${name} store`, { skip }, async t => {
        const topic = await poisonedTopic(running, [13])
        let log = ''
        const keep = (child: ChildProcess): void => {
          child.stdout?.on('data', chunk => {
            log += chunk
          })
        }
        const settings = { ...topic.settings(urlOf('workers')), HIERAX_WORKERS: '2', NODE_OPTIONS: poison }
        assert.equal(await keepRunning([hierax, 'serve'], settings, topic.done, keep), 0, 'the parent survives')
        // The third death of one worker in a row has a message of its own.
        const deaths = log.split(/a worker end(?:ed|s)\b/).length - 1
        t.diagnostic(`${topic.expected.length} packets among 60 cost ${deaths} deaths of workers`)
        // Three deaths with the packet alone, preceded by one with others in flight unless it was fetched alone.
        assert.ok(deaths >= 3 && deaths <= 8 * topic.expected.length, `${deaths} deaths`)
        await topic.judge()
      })
    if (runs(`services ${name}`))
      test(`with two services, over a ${name} store`, { skip }, async t => {
        const topic = await poisonedTopic(running, [13])
        const settings = { ...topic.settings(urlOf('members')), NODE_OPTIONS: poison }
        const members = [1, 2].map(() => keepRunning([hierax, 'serve'], settings, topic.done))
        const deaths = (await Promise.all(members)).reduce((sum, deaths) => sum + deaths, 0)
        t.diagnostic(`${topic.expected.length} packets among 60 cost ${deaths} deaths of two members`)
        // Three deaths with the packet alone, preceded by one with others in flight unless it was fetched alone.
        assert.ok(deaths >= 3 && deaths <= 8 * topic.expected.length, `${deaths} deaths`)
        await topic.judge()
      })
  }
})
