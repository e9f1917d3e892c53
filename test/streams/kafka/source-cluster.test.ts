import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClusterView } from '../../../src/streams/kafka/source-cluster.ts'
import { kafka } from '../../support/brokers.ts'
import { silent } from '../../support/loggers.ts'
import { until } from './source-harness.ts'

const { skip, tools, connection } = await kafka()

const sockets = () => process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length

test('a view that is closed in the middle of its questions leaves no connection open', { skip }, async () => {
  const topics = [await tools.topic(), await tools.topic(), await tools.topic()]
  const before = sockets()
  for (let round = 0; round < 40; round++) {
    const view = createClusterView(connection, tools.name('group'), silent)
    const asked = [view.topicStates(topics), view.offsets(topics), view.offsets(topics)]
    for (const answer of asked) answer.catch(() => undefined)
    await sleep(round)
    await view.close()
    await Promise.allSettled(asked)
    await assert.rejects(view.topicStates(topics), /closed/)
    assert.deepEqual(await view.offsets(topics), [])
  }
  await until('connections to end', () => sockets() <= before, 10_000)
})
