import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { readLightCurves } from '../../src/simulator/read-light-curves.ts'
import { Simulation } from '../../src/simulator/simulate.ts'
import { kafka } from '../support/brokers.ts'
import type { ReadMessage } from '../support/kafka-tools.ts'
import { cleanEnvironment, temporaryFolder } from '../support/service.ts'
import { valkey } from '../support/valkey.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const running = await kafka()
const server = await valkey()
const { tools } = running
const partitions = 2
const script = fileURLToPath(new URL('../support/poisoned-service.ts', import.meta.url))

/** Packets of simulated alerts without images. */
async function somePackets(count: number): Promise<Buffer[]> {
  const curves = []
  for await (const curve of readLightCurves()) curves.push(curve)
  return [...new Simulation(curves, { seed: 7, objects: 40, cutoutBytes: 0 })].slice(0, count).map(({ bytes }) => bytes)
}

/** Starts the service again and again, as whatever keeps it running does; resolves with the number of deaths. */
async function keepRunning(settings: Readonly<Record<string, string>>, done: () => Promise<boolean>): Promise<number> {
  for (let deaths = 0; ; deaths++) {
    assert.ok(deaths < 30, 'it dies without end')
    const child = spawn(process.execPath, ['--import', 'tsx', script], {
      env: cleanEnvironment(settings),
      stdio: 'ignore'
    })
    const ended = once(child, 'close')
    while (child.exitCode === null && child.signalCode === null) {
      if (await done()) {
        child.kill('SIGTERM')
        await ended
        return deaths
      }
      await sleep(100)
    }
  }
}

/** Store, whether it is missing, its URL, and which packets are poisonous. */
const stores = [
  ['lmdb', false, `lmdb:${path.join(folder, 'store')}`, [13, 42]],
  ['valkey', server.skip, `${server.url}/4`, [13]]
] as const

for (const [name, missing, store, poisonous] of stores) {
  describe(`packets that end the process, over a ${name} store`, { skip: running.skip || missing }, () => {
    test('are refused, and all others are answered', { timeout: 290_000 }, async t => {
      const packets = await somePackets(60)
      const topic = await tools.topic(tools.name('poison'), { partitions })
      const values = packets.map((packet, at) =>
        (poisonous as readonly number[]).includes(at) ? Buffer.concat([packet, Buffer.from('POISON')]) : packet
      )
      for (let from = 0; from < values.length; from += 8) {
        const some = values.slice(from, from + 8)
        await tools.produce(
          topic,
          some.map((value, at) => ({ partition: (from + at) % partitions, value }))
        )
      }
      // On a busy machine the producer may send a batch again: what counts is what the topic holds.
      const isPoison = ({ value }: ReadMessage): boolean => value?.includes('POISON') === true
      const sourceOf = ({ partition, offset }: ReadMessage): string => `${topic}/${partition}/${offset}`
      const expected = (await tools.read(topic)).filter(isPoison).map(sourceOf).sort()
      const dead = `${topic}.dead`
      // What comes twice, as the last words of a process may, counts once.
      const distinct = async (
        topic: string,
        enough: number,
        of: (message: ReadMessage) => unknown
      ): Promise<number> => {
        const written = await tools.offsets(topic).catch(() => null)
        if (written === null || written.total < enough) return 0
        return new Set((await tools.read(topic)).map(of)).size
      }
      const letters = () => distinct(dead, expected.length, ({ headers }) => headers.source)
      const alertOf = ({ value }: ReadMessage): bigint => decodeClassification(value as Buffer, 'avro').candid
      const innocent = packets.length - poisonous.length
      const answered = () => distinct(`${topic}.out`, innocent, alertOf)
      const deaths = await keepRunning(
        {
          HIERAX_HTTP_PORT: '0',
          HIERAX_INPUT_BROKERS: running.brokers.join(','),
          HIERAX_INPUT_TOPICS: topic,
          HIERAX_INPUT_GROUP: topic,
          HIERAX_OUTPUT_CLASSIFICATIONS: `${topic}.out`,
          HIERAX_OUTPUT_DEAD_LETTERS: dead,
          HIERAX_STORE_URL: store
        },
        async () => (await letters()) === expected.length && (await answered()) === innocent
      )
      t.diagnostic(`${expected.length} packets among ${packets.length} cost ${deaths} deaths`)
      assert.ok(deaths >= 4 && deaths <= 4 * expected.length, `${deaths} deaths`)

      const refused = await tools.read(dead)
      assert.ok(refused.every(({ headers }) => headers['error.code'] === 'POISON'))
      assert.deepEqual([...new Set(refused.map(({ headers }) => headers.source))].sort(), expected)
      assert.ok(refused.every(isPoison), 'the packet itself is in the dead letter')
      const out = await tools.read(`${topic}.out`)
      assert.equal(new Set(out.map(alertOf)).size, innocent)
    })
  })
}
