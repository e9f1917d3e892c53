import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Classification } from '../../src/messages/classification.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { bundledLightCurves, readLightCurves } from '../../src/simulator/read-light-curves.ts'
import { Simulation } from '../../src/simulator/simulate.ts'
import { kafka } from '../support/brokers.ts'
import { ServiceProcess, temporaryFolder, total } from '../support/service.ts'
import { answersOf } from './packets.ts'

/** Kills of the short form; `KILLS=50 npm test crash` is the long one (about 15 s a kill: a dead member's session has to end). */
const kills = Number(process.env.KILLS ?? 4)

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const running = await kafka({ own: true })
const { tools } = running

/** A random number generator whose seed is told when a test fails. */
const seed = Number(process.env.SEED ?? Date.now() % 100_000)
let state = seed
const random = (): number => {
  state = (state * 1103515245 + 12345) % 2147483648
  return state / 2147483648
}

interface Output {
  readonly bytes: Map<string, string>
  readonly alerts: Set<string>
  readonly answers: Map<string, string>
  readonly refused: Set<string>
}

async function outputOf(name: string): Promise<Output> {
  const bytes = new Map<string, string>()
  const bodies: Classification[] = []
  for (const { value } of await tools.read(`${name}.out`)) {
    const body = decodeClassification(value as Buffer, 'avro')
    const text = (value as Buffer).toString('base64')
    assert.equal(bytes.get(body.id) ?? text, text, 'equal ids have equal bytes')
    bytes.set(body.id, text)
    bodies.push(body)
  }
  const refused = new Set((await tools.read(`${name}.dead`)).map(message => String(message.value)))
  return { bytes, alerts: new Set(bodies.map(b => `${b.objectId}/${b.candid}`)), answers: answersOf(bodies), refused }
}

describe('hierax serve killed at random moments', { skip: running.skip }, () => {
  test(`loses nothing and contradicts nothing after ${kills} × kill −9 (seed ${seed})`, {
    timeout: 3_600_000
  }, async () => {
    const curves = []
    for await (const curve of readLightCurves(bundledLightCurves)) curves.push(curve)
    const packets = [...new Simulation(curves, { objects: 60 + 20 * kills, seed, cutoutBytes: 0, order: 'staggered' })]
    const alerts = new Set(packets.map(({ objectId, candid }) => `${objectId}/${candid}`))
    const topic = await tools.topic(tools.name('alerts'), { partitions: 4 })
    const rubbish = new Set(Array.from({ length: 20 }, (_, index) => `no packet ${index}`))
    const values: (Buffer | string)[] = packets.map(({ bytes }) => Buffer.from(bytes))
    for (const text of rubbish) values.splice(Math.floor(random() * values.length), 0, text)
    for (let at = 0; at < values.length; at += 40) {
      const some = values.slice(at, at + 40)
      await tools.produce(
        topic,
        some.map(value => ({ partition: Math.floor(random() * 4), value }))
      )
    }
    const settings = (name: string): Record<string, string> => ({
      HIERAX_INPUT_BROKERS: running.brokers.join(','),
      HIERAX_INPUT_TOPICS: topic,
      HIERAX_INPUT_GROUP: name,
      HIERAX_OUTPUT_CLASSIFICATIONS: `${name}.out`,
      HIERAX_OUTPUT_DEAD_LETTERS: `${name}.dead`,
      HIERAX_STORE_URL: `lmdb:${path.join(folder, name)}`
    })
    const finish = async (service: ServiceProcess): Promise<void> => {
      await service.until(
        'no lag',
        async () => {
          const metrics = await service.metrics()
          return (
            total(metrics, 'hierax_alerts_consumed_total') > 0 &&
            [...metrics].every(([key, value]) => !key.startsWith('hierax_consumer_lag') || value === 0)
          )
        },
        120_000
      )
      assert.equal(await service.end(), 0)
    }

    const calm = tools.name('calm')
    await finish(await ServiceProcess.start(settings(calm)))
    const undisturbed = await outputOf(calm)
    assert.deepEqual(undisturbed.alerts, alerts)

    const wild = tools.name('wild')
    for (let kill = 0; kill < kills; kill++) {
      const members = await Promise.all(
        Array.from({ length: 1 + (kill % 2) }, () => ServiceProcess.start(settings(wild)))
      )
      const [victim] = members as [ServiceProcess]
      await victim.until('work', async () => total(await victim.metrics(), 'hierax_rebalances_total') > 0)
      await sleep(random() * 1500)
      await Promise.all(members.map(member => member.end('SIGKILL')))
    }
    await finish(await ServiceProcess.start(settings(wild)))
    const disturbed = await outputOf(wild)
    assert.deepEqual(disturbed.alerts, alerts, 'every alert has its outcome')
    assert.deepEqual(disturbed.refused, rubbish, 'every packet that can not be read has its dead letter')
    assert.deepEqual(disturbed.answers, undisturbed.answers, 'the answer of every object is the same')
    for (const [id, text] of disturbed.bytes) assert.equal(undisturbed.bytes.get(id) ?? text, text, id)
  })
})
