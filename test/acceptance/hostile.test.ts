import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { hostilePacket } from '@hierax/tools/fuzz/packets/all.ts'
import { realAlerts } from '@hierax/tools/fuzz/run/alerts.ts'
import { errorTable } from '../../src/errors.ts'
import { kafka } from '../support/brokers.ts'
import { fromSource } from '../support/from-source.ts'
import { aroundTopic, ServiceProcess, temporaryFolder, total } from '../support/service.ts'
import { root } from '../support/shared.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const running = await kafka()
const { tools } = running
const partitions = 2

/** Packets of the short form; `npm run fuzz` runs the long one. */
const packets = Number(process.env.HOSTILE_PACKETS ?? 400)

describe('hostile packets', () => {
  test('among real alerts: every packet has an outcome, and messages about real alerts have the same bytes (npm run fuzz)', async t => {
    const args = [...fromSource, 'tools/src/fuzz/fuzz.ts', '--packets', '1000', '--seconds', '25', '--max-block', '0']
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    const text: Buffer[] = []
    child.stdout.on('data', chunk => text.push(chunk))
    const [code] = await once(child, 'close')
    const report = Buffer.concat(text).toString()
    for (const line of report.trim().split('\n')) t.diagnostic(line)
    assert.equal(code, 0, report)
  })

  test('on a real Kafka: every packet has one outcome, and the service survives', {
    skip: running.skip
  }, async t => {
    const alerts = await realAlerts(3)
    const topic = await tools.topic(tools.name('hostile'), { partitions, config: { 'max.message.bytes': '20000000' } })
    for (let serial = 0; serial < packets; serial += 10) {
      const some = Array.from({ length: 10 }, (_, at) => hostilePacket(11, serial + at, alerts.bases).bytes)
      const values = [...some, alerts.next().bytes]
      // One per request: several large ones together would be rejected.
      for (const [at, value] of values.entries()) await tools.produce(topic, [{ partition: at % partitions, value }])
    }
    const sent = (await tools.offsets(topic)).total
    const service = await ServiceProcess.start(aroundTopic(running.brokers, topic, `lmdb:${path.join(folder, topic)}`))
    const lag = (metrics: ReadonlyMap<string, number>): number => {
      const lags = [...metrics].filter(([name]) => name.startsWith('hierax_consumer_lag') && name.includes(topic))
      return lags.length < partitions
        ? Number.POSITIVE_INFINITY
        : lags.reduce((sum, [, value]) => sum + Math.abs(value), 0)
    }
    await service.until('all packets to be consumed', async () => lag(await service.metrics()) === 0)
    const metrics = await service.metrics()
    assert.equal(await service.end(), 0)

    const dead = await tools.read(`${topic}.dead`)
    const out = await tools.read(`${topic}.out`)
    const letters = dead.map(({ headers }) => headers.source)
    const answers = new Set(out.map(({ headers }) => headers.source))
    assert.equal(new Set(letters).size, letters.length, 'one dead letter each')
    assert.equal(letters.length + answers.size, sent, 'every message has an outcome')
    assert.ok(!letters.some(source => answers.has(source)), 'and not two')
    for (const { headers } of dead) {
      const code = headers['error.code'] as keyof typeof errorTable
      assert.equal(errorTable[code].kind, 'alert')
      assert.ok(
        !['DECODE_FAILED', 'PROCESSING_FAILED', 'POISON'].includes(code),
        `${code}: ${headers['error.message']}`
      )
      assert.ok((headers['error.message'] ?? '').length < 1000)
    }
    assert.equal(total(metrics, 'hierax_alerts_consumed_total'), total(metrics, 'hierax_outcomes_total'))
    const longest = Math.max(...service.log.split('\n').map(line => line.length))
    assert.ok(longest < 4096, `a line of the log has ${longest} characters`)
    t.diagnostic(
      `${sent} messages: ${answers.size} answered, ${letters.length} refused; ${Math.round((metrics.get('process_resident_memory_bytes') ?? 0) / 2 ** 20)} MB`
    )
  })
})
