import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DemoBroker, findBroker } from '../../src/demo/broker.ts'

const search = { named: null, signal: new AbortController().signal, say: () => {} }
const found: DemoBroker = { description: 'one', brokers: ['h:1'], shared: false, stop: async () => {} }
const fails = (reason: string) => async () => {
  throw new Error(reason)
}

test('brokers that were named are used, and nothing is started', async () => {
  const broker = await findBroker({ ...search, named: ['a:1', 'b:2'] }, [fails('must not be tried')])
  assert.deepEqual([broker.brokers, broker.shared], [['a:1', 'b:2'], true])
})

test('the first way that works is taken', async () => {
  assert.equal(await findBroker(search, [fails('no Docker'), async () => found, fails('must not be tried')]), found)
})

test('where none works the stand-in takes its place and says why, a line each', async () => {
  const broker = await findBroker(search, [fails('no Docker'), fails('no Java\nand more')])
  assert.equal(broker.brokers, null)
  assert.equal(broker.description, 'an in-process stand-in for Kafka (no Docker; no Java)')
})

test('Ctrl-C ends the search', async () => {
  const controller = new AbortController()
  const aborts = async () => {
    controller.abort()
    throw new Error('ended')
  }
  await assert.rejects(findBroker({ ...search, signal: controller.signal }, [aborts, async () => found]), {
    name: 'AbortError'
  })
})
