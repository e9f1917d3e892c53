import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Simulation } from '@hierax/tools/simulator/simulate.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { kafka } from '../support/brokers.ts'
import { aroundTopic, ServiceProcess, total } from '../support/service.ts'
import { valkey } from '../support/valkey.ts'

const running = await kafka()
const { skip, url, server, client } = await valkey(true)
const { tools } = running

/** Packets of simulated alerts without images. */
async function somePackets(count: number): Promise<Buffer[]> {
  const curves = []
  for await (const curve of readLightCurves()) curves.push(curve)
  return [...new Simulation(curves, { seed: 9, objects: 60, cutoutBytes: 0 })].slice(0, count).map(({ bytes }) => bytes)
}

describe('a service whose Valkey is in trouble', { skip: running.skip || skip }, () => {
  test('waits while it is frozen, away or full, says why, resumes, and loses nothing', async () => {
    const packets = await somePackets(160)
    const topic = await tools.topic(tools.name('trouble'), { partitions: 2 })
    let sent = 0
    const send = async (): Promise<void> => {
      const from = sent % packets.length
      const some = packets.slice(from, from + 40)
      await tools.produce(
        topic,
        some.map((value, at) => ({ partition: at % 2, value }))
      )
      sent += some.length
    }
    const service = await ServiceProcess.start(aroundTopic(running.brokers, topic, `${url}/0`))
    const readiness = async (reason: string): Promise<void> =>
      service.until(`the store to be ${reason}`, async () => {
        const { status, text } = await service.get('/health/ready')
        const { store } = JSON.parse(text).parts
        return store.reason === reason && status === (store.ready ? 200 : 503)
      })
    await send()
    await service.untilConsumed(sent)

    const troubles: [string, () => unknown, () => unknown][] = [
      ['the server does not answer', () => server?.signal('SIGSTOP'), () => server?.signal('SIGCONT')],
      ['unreachable', () => server?.kill(), () => server?.start()],
      ['out of memory', () => client().config('SET', 'maxmemory', '1'), () => client().config('SET', 'maxmemory', '0')]
    ]
    for (const [reason, begin, end] of troubles) {
      await begin()
      try {
        await send()
        await readiness(reason)
        assert.equal((await service.get('/health/live')).status, 200, 'it is alive while it waits')
      } finally {
        await end()
      }
      await service.untilConsumed(sent)
      await readiness('running')
    }

    server?.signal('SIGSTOP')
    try {
      await readiness('the server does not answer')
    } finally {
      server?.signal('SIGCONT')
    }
    await readiness('running')

    const [key] = await client().keys('hierax:o:*')
    await client().del(key as string)
    await client().rpush(key as string, 'of another application')
    for (let part = 0; part < 4; part++) await send()
    await service.untilConsumed(sent)
    assert.deepEqual(await client().lrange(String(key).replace('hierax:', 'hierax:moved:'), 0, -1), [
      'of another application'
    ])

    await service.until('the end of the troubles to be logged', () => /the store can be used again/.test(service.log))
    const metrics = await service.metrics()
    const errors = service.log.split('\n').filter(line => line.includes('"level":"error"'))
    for (const reason of ['the server does not answer', 'unreachable', 'out of memory']) {
      const logged = errors.filter(line => line.includes(`"reason":"${reason}"`)).length
      assert.ok(logged > 0, `${reason} in\n${errors.join('\n')}`)
      assert.equal(metrics.get(`hierax_store_failures_total{reason="${reason}"}`), logged, reason)
    }
    assert.equal(errors.filter(line => line.includes(`The key \\"${key}\\" of`) && /holds a list/.test(line)).length, 1)
    assert.equal(total(metrics, 'hierax_store_corrupt_total'), 1)
    assert.equal(total(metrics, 'hierax_outcomes_total'), total(metrics, 'hierax_alerts_consumed_total'))
    assert.equal(total(metrics, 'hierax_dead_letters_total'), 0)
    assert.equal(await service.end(), 0)
    const answered = (await tools.read(`${topic}.out`)).map(({ value }) =>
      decodeClassification(value as Buffer, 'avro')
    )
    assert.equal(new Set(answered.map(({ candid }) => candid)).size, packets.length)
  })
})
