import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { kafka } from '../support/brokers.ts'
import { ServiceProcess, temporaryFolder, total } from '../support/service.ts'
import { needsShared } from '../support/shared.ts'
import { realPackets } from './packets.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const input = await kafka({ own: true })
const output = await kafka({ own: true })
const skip = input.skip || needsShared().skip

/** The status of readiness, and the reasons by part. */
async function reasons(
  service: ServiceProcess
): Promise<{ status: number; parts: Record<string, { ready: boolean; reason: string }> }> {
  const { status, text } = await service.get('/health/ready')
  return { status, parts: JSON.parse(text).parts }
}

describe('hierax serve when brokers fail', { skip }, () => {
  test('consumption is paused while the output cluster is down, readiness gives the reason, and nothing is lost when brokers restart under load', async () => {
    const [inputNode] = input.cluster?.nodes ?? []
    const [outputNode] = output.cluster?.nodes ?? []
    assert.ok(inputNode && outputNode)
    const packets = realPackets().filter(packet => packet.alerts.length === 1)
    const topic = await input.tools.topic(input.tools.name('alerts'), { partitions: 4 })
    await outputNode.stop()

    const service = await ServiceProcess.start({
      HIERAX_INPUT_BROKERS: input.brokers.join(','),
      HIERAX_OUTPUT_BROKERS: output.brokers.join(','),
      HIERAX_INPUT_TOPICS: topic,
      HIERAX_INPUT_GROUP: topic,
      HIERAX_STORE_URL: `lmdb:${path.join(folder, topic)}`
    })
    const rounds = 6
    const produce = async (round: number): Promise<void> => {
      for (let at = 0; at < packets.length; at += 10) {
        const some = packets.slice(at, at + 10)
        await input.tools.produce(
          topic,
          some.map((packet, i) => ({ partition: (at + i + round) % 4, value: packet.bytes }))
        )
      }
    }
    await produce(0)
    await service.until('readiness to report that the output is unreachable', async () => {
      const { status, parts } = await reasons(service)
      return status === 503 && parts.producer?.ready === false && parts.producer.reason === 'output cluster unreachable'
    })
    assert.equal((await service.get('/health/live')).status, 200, 'it is alive while it waits')
    assert.equal(total(await service.metrics(), 'hierax_alerts_consumed_total'), 0)

    await outputNode.start()
    await service.until('readiness', async () => (await reasons(service)).status === 200)
    const loading = (async () => {
      for (let round = 1; round < rounds; round++) await produce(round)
    })()
    await service.until(
      'processing to continue',
      async () => total(await service.metrics(), 'hierax_alerts_consumed_total') > 300
    )
    await inputNode.kill()
    await inputNode.start()
    await outputNode.kill()
    await outputNode.start()
    await loading

    const sent = (await input.tools.offsets(topic)).total
    assert.ok(sent >= packets.length * rounds)
    await service.until('all input to be processed', () => input.tools.isRead(topic, topic).catch(() => false))
    assert.equal(await service.end(), 0)
    const answered = new Map<string, number>()
    const sources = new Set<string>()
    for (const { value, headers } of await output.tools.read('hierax.classifications')) {
      const body = decodeClassification(value as Buffer, 'avro')
      const name = `${body.objectId}/${body.candid}`
      answered.set(name, (answered.get(name) ?? 0) + 1)
      sources.add(headers.source as string)
    }
    assert.equal(sources.size, sent, 'every message has a classification')
    for (const name of packets.flatMap(packet => packet.alerts)) assert.ok((answered.get(name) ?? 0) >= rounds, name)
  })
})
