import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DemoBroker, findBroker } from '../../src/demo/broker.ts'

const search = { given: null, signal: new AbortController().signal, report: () => {} }
const found: DemoBroker = { description: 'one', brokers: ['h:1'], shared: false, stop: async () => {} }
const fails = (reason: string) => async () => {
  throw new Error(reason)
}

test('given brokers are used, and nothing is started', async () => {
  const broker = await findBroker({ ...search, given: ['a:1', 'b:2'] }, [fails('must not be tried')])
  assert.deepEqual([broker.brokers, broker.shared], [['a:1', 'b:2'], true])
})

test('the first broker that starts is used', async () => {
  assert.equal(await findBroker(search, [fails('no Docker'), async () => found, fails('must not be tried')]), found)
})

test('if none starts, the in-process log is used and its description has the first line of each reason', async () => {
  const broker = await findBroker(search, [fails('no Docker'), fails('no Java\nand more')])
  assert.equal(broker.brokers, null)
  assert.equal(broker.description, 'an in-process log in place of Kafka (no Docker; no Java)')
})

test('an abort ends the search', async () => {
  const controller = new AbortController()
  const aborts = async () => {
    controller.abort()
    throw new Error('ended')
  }
  await assert.rejects(findBroker({ ...search, signal: controller.signal }, [aborts, async () => found]), {
    name: 'AbortError'
  })
})
