import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { FramePool } from '../../../../src/streams/kafka/client/frame-pool.ts'
import { FetchAhead } from '../../../../src/streams/kafka/consumer/fetch-ahead.ts'
import { recorder } from '../../../support/loggers.ts'
import { limitsOf } from './source-harness.ts'

interface Asked {
  readonly offsets: readonly string[]
  readonly answer: (messages: readonly string[][]) => ReturnType<typeof answerOf>
  readonly fail: () => void
}

/** A broker with the partitions 0 and 1 of a topic, whose answers the test gives. */
function plainBroker(asked: Asked[], changes: object = {}) {
  const connection = () => ({
    processData: () => {},
    isConnected: () => true,
    requestQueue: { fulfillRequest: () => {} },
    bytesBuffered: 0,
    authHandlers: null
  })
  return {
    versions: { 1: { maxVersion: 17 } },
    connectionPool: { pool: [connection(), connection()], send: async () => null },
    isConnected: () => true,
    fetch: (request: ReturnType<typeof requestFor>) =>
      new Promise<unknown>((resolve, reject) => {
        const offsets = request.topics[0]!.partitions.map(({ fetchOffset }) => fetchOffset)
        asked.push({
          offsets,
          answer: messages => {
            const answer = answerOf(messages)
            resolve(answer)
            return answer
          },
          fail: () => reject(new Error('OFFSET_OUT_OF_RANGE'))
        })
      }),
    ...changes
  }
}

/** Such a broker as the consumer has it, and what the log has. */
async function brokerWith(changes: object = {}, limits = limitsOf({})) {
  const asked: Asked[] = []
  const broker = plainBroker(asked, changes)
  const cluster = { findBroker: async (_node: object) => broker }
  const { logger, lines } = recorder()
  const frames = new FramePool(limits)
  const ahead = new FetchAhead(logger, limits, frames)
  ahead.attach(cluster as never)
  return { broker: await cluster.findBroker({}), asked, ahead, frames, lines, cluster }
}

const requestFor = (...offsets: string[]) => ({
  maxBytes: 100,
  topics: [
    { topic: 't', partitions: offsets.map((fetchOffset, partition) => ({ partition, fetchOffset, maxBytes: 10 })) }
  ]
})

const answerOf = (messages: readonly string[][]) => ({
  responses: [
    {
      topicName: 't',
      partitions: messages.map((offsets, partition) => ({ partition, messages: offsets.map(offset => ({ offset })) }))
    }
  ]
})

/** After all that can go on without an answer did. */
const settled = () => new Promise(resolve => setImmediate(resolve))

suite('while the messages of a fetch are handled', () => {
  test('the next ones are fetched, and given to the request for them', async () => {
    const { broker, asked } = await brokerWith()
    const first = broker.fetch(requestFor('5', '7'))
    await settled()
    asked[0]!.answer([['5', '6'], []])
    await first
    await settled()
    assert.deepEqual(
      asked.map(({ offsets }) => offsets),
      [
        ['5', '7'],
        ['7', '7']
      ]
    )
    asked[1]!.answer([['7'], ['7', '8']])
    assert.deepEqual(await broker.fetch(requestFor('7', '7')), answerOf([['7'], ['7', '8']]))
    await settled()
    assert.deepEqual(asked[2]?.offsets, ['8', '9'])
  })

  test('none are if there was no message', async () => {
    const { broker, asked } = await brokerWith()
    const first = broker.fetch(requestFor('5', '7'))
    await settled()
    asked[0]!.answer([[], []])
    await first
    await settled()
    assert.equal(asked.length, 1)
  })

  type Broker = Awaited<ReturnType<typeof brokerWith>>

  /** Whether the answer that was fetched ahead is given to a later request for these offsets. */
  async function isGiven(
    { broker, asked }: Broker,
    answer: (ahead: Asked) => void,
    offsets: readonly string[],
    meanwhile: () => void = () => {}
  ): Promise<boolean> {
    const first = broker.fetch(requestFor('5', '7'))
    await settled()
    asked[0]!.answer([['5'], ['7']])
    await first
    await settled()
    answer(asked[1]!)
    await settled()
    meanwhile()
    const second = broker.fetch(requestFor(...offsets))
    await settled()
    const isAsked = asked[2]?.offsets.join() === offsets.join()
    if (isAsked) asked[2]!.answer([['100'], ['100']])
    await second
    return !isAsked
  }

  const messages = (ahead: Asked) => ahead.answer([['6'], ['8']])

  test('the answer is discarded if other partitions or offsets are requested', async () => {
    assert.ok(await isGiven(await brokerWith(), messages, ['6', '8']))
    for (const offsets of [['6', '7'], ['6'], ['6', '8', '0']]) {
      assert.ok(!(await isGiven(await brokerWith(), messages, offsets)), String(offsets))
    }
  })

  test('an error that comes before the request is left to it', async () => {
    assert.ok(!(await isGiven(await brokerWith(), ahead => ahead.fail(), ['6', '8'])))
  })

  test('an error that comes later is the one of the request: its time limit is not doubled', async () => {
    const { broker, asked } = await brokerWith()
    const first = broker.fetch(requestFor('5'))
    await settled()
    asked[0]!.answer([['5']])
    await first
    const second = broker.fetch(requestFor('6'))
    await settled()
    asked[1]!.fail()
    await assert.rejects(second, /OFFSET_OUT_OF_RANGE/)
    assert.equal(asked.length, 2)
  })

  test('an answer without messages is not given later', async () => {
    assert.ok(!(await isGiven(await brokerWith(), ahead => ahead.answer([[], []]), ['6', '8'])))
  })

  test('an answer that waited for long is discarded', async (t: TestContext) => {
    let now = 0
    t.mock.method(performance, 'now', () => now)
    for (const [waited, given] of [
      [4999, true],
      [5001, false]
    ] as const) {
      const wait = () => {
        now += waited
      }
      assert.equal(await isGiven(await brokerWith(), messages, ['6', '8'], wait), given)
    }
  })

  test('an answer from before a rebalance is discarded', async () => {
    const broker = await brokerWith()
    assert.ok(!(await isGiven(broker, messages, ['6', '8'], () => broker.ahead.drop())))
  })

  test('a frame is free when its last batch was handled, or when the answer is discarded', async () => {
    const { broker, asked, ahead, frames } = await brokerWith()
    const isFree = (frame: Buffer) => frames.freeBytes >= frame.length
    /** Answers a request from a frame, of which each partition has a part. */
    const answerFrom = ({ answer }: Asked, messages: readonly string[][]) => {
      const frame = frames.take(100_000)
      const lists = answer(messages).responses[0]!.partitions.map(({ messages }) => messages)
      frames.hold(frame, lists)
      return { frame, batches: lists.map(rawMessages => ({ rawMessages })) }
    }
    const first = broker.fetch(requestFor('5', '7'))
    await settled()
    const { frame, batches } = answerFrom(asked[0]!, [['5'], ['7']])
    await first
    ahead.handled(batches[0]!)
    ahead.handled(batches[0]!)
    assert.ok(!isFree(frame))
    ahead.handled(batches[1]!)
    assert.ok(isFree(frame))
    await settled()
    const next = answerFrom(asked[1]!, [['6'], ['8']])
    assert.equal(next.frame.buffer, frame.buffer)
    await settled()
    assert.ok(!isFree(next.frame))
    ahead.drop()
    await settled()
    assert.ok(isFree(next.frame))
    const again = broker.fetch(requestFor('6', '8'))
    await settled()
    asked[2]!.answer([['6'], ['8']])
    await again
    await settled()
    const other = answerFrom(asked[3]!, [['7'], ['9']])
    void broker.fetch(requestFor('100', '200'))
    await settled()
    assert.ok(isFree(other.frame))
  })

  test('nothing is fetched over a closed connection, or beyond the limit', async () => {
    const few = limitsOf({ fetchBytes: 10, aheadBytes: 9 })
    for (const broker of [await brokerWith({ isConnected: () => false }), await brokerWith({}, few)]) {
      const first = broker.broker.fetch(requestFor('5'))
      await settled()
      broker.asked[0]!.answer([['5']])
      await first
      await settled()
      assert.equal(broker.asked.length, 1)
    }
  })
})

suite('with several brokers', () => {
  const each = (brokers: readonly { fetch: (request: ReturnType<typeof requestFor>) => unknown }[]) =>
    brokers.map(broker => broker.fetch(requestFor('5')))

  async function brokers(count: number, limits: Parameters<typeof limitsOf>[0]) {
    const asked = Array.from({ length: count }, (): Asked[] => [])
    const { ahead } = await brokerWith({}, limitsOf(limits))
    const found = await Promise.all(
      asked.map(async own => {
        const cluster = { findBroker: async (_node: object) => plainBroker(own) }
        ahead.attach(cluster as never)
        return cluster.findBroker({})
      })
    )
    return { found, asked, ahead }
  }

  test('answers that wait for kafkajs count against the limit until it takes them', async () => {
    const { found, asked } = await brokers(3, { fetchBytes: 10, aheadBytes: 10 })
    for (const [at, first] of each(found).entries()) {
      await settled()
      asked[at]![0]!.answer([['5']])
      await first
      await settled()
      asked[at]![1]?.answer([['6']])
      await settled()
    }
    assert.deepEqual(
      asked.map(own => own.length),
      [2, 1, 1]
    )
    assert.deepEqual(await found[0]!.fetch(requestFor('6')), answerOf([['6']]))
    await settled()
    assert.equal(asked[0]!.length, 3, 'its place is free again')
  })

  test('a failed answer of a broker that is not asked again does not keep its place', async () => {
    const { found, asked } = await brokers(2, { fetchBytes: 10, aheadBytes: 10 })
    const [lost, other] = each(found)
    await settled()
    asked[0]![0]!.answer([['5']])
    await lost
    await settled()
    asked[0]![1]!.fail()
    await settled()
    asked[1]![0]!.answer([['5']])
    await other
    await settled()
    const again = found[1]!.fetch(requestFor('6'))
    await settled()
    asked[1]![1]!.answer([['6']])
    await again
    await settled()
    assert.deepEqual(asked[1]!.at(-1)?.offsets, ['7'])
  })
})

suite('kafkajs fetches by itself', () => {
  test('from a broker that is too old, and once a line says so if its parts are not as expected', async () => {
    for (const [changes, count] of [
      [{ versions: { 1: { maxVersion: 10 } } }, 0],
      [{ connectionPool: { send: async () => null } }, 1]
    ] as const) {
      const { broker, asked, lines, cluster } = await brokerWith(changes)
      const first = broker.fetch(requestFor('5'))
      await settled()
      asked[0]!.answer([['5']])
      await first
      await settled()
      assert.equal(asked.length, 1)
      await cluster.findBroker({})
      assert.equal(lines.length, count)
    }
  })
})
