import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { cleanupPolicy, watchCompaction } from '../../../../src/streams/kafka/producer/compaction.ts'
import { kafka } from '../../../support/brokers.ts'
import { recorder } from '../../../support/loggers.ts'
import { until } from '../../../support/until.ts'

const { skip, tools, connection } = await kafka()

async function setPolicy(topic: string, value: string): Promise<void> {
  const configEntries = [{ name: 'cleanup.policy', value }]
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }]
  await (await tools.admin()).alterConfigs({ validateOnly: false, resources })
}

test('a topic that is not compacted is reported, again after pauses, until it is compacted', { skip }, async t => {
  const stopping = new AbortController()
  t.after(() => stopping.abort())
  for (const policy of ['delete', 'compact,delete']) {
    const topic = await tools.topic(tools.name(), { config: { 'cleanup.policy': policy } })
    const { logger, lines } = recorder()
    const warnings = () => lines.filter(({ level }) => level === 'warn')
    const reason = watchCompaction({ connection, topic, logger, signal: stopping.signal, firstPause: 20 })
    await until(() => warnings().length >= 2)
    assert.equal(reason(), `${topic} is not compacted`)
    assert.deepEqual(warnings()[0], {
      level: 'warn',
      message: 'topic is not compacted',
      fields: {
        topic,
        code: 'TOPIC_NOT_COMPACTED',
        reason: `The topic ${topic} has cleanup.policy=${policy}: the last record of a key is removed with age`
      }
    })
    await setPolicy(topic, 'compact')
    await until(() => reason() === null)
    assert.equal(await cleanupPolicy(await tools.admin(), topic), 'compact')
    assert.equal(lines.at(-1)?.message, 'topic is compacted now')
  }
})

test('of a topic that does not exist nothing is said', { skip }, async t => {
  const stopping = new AbortController()
  t.after(() => stopping.abort())
  const { logger, lines } = recorder()
  const topic = tools.name()
  const reason = watchCompaction({ connection, topic, logger, signal: stopping.signal, firstPause: 20 })
  await until(() => lines.filter(({ message }) => /not known/.test(message)).length >= 2)
  assert.equal(reason(), null)
  assert.ok(lines.every(({ level }) => level === 'debug'))
})
