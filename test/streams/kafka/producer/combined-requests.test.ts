import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { CombinedRequests } from '../../../../src/streams/kafka/producer/combined-requests.ts'
import type { PartitionBatch, SendResult } from '../../../../src/streams/kafka/producer/producer.ts'

const acknowledged: SendResult = { acknowledged: true }

function failure(decision: 'retry' | 'renew' | 'too-large' = 'retry'): SendResult {
  return { acknowledged: false, error: new Error(decision), decision, abandon: () => {} }
}

function batch(partition: number, topic = 't', bytes = 1): PartitionBatch {
  return { topic, partition, messages: [{ partition, key: 'k', value: Buffer.alloc(bytes), headers: {} }] }
}

/** A producer whose requests are answered by the test. Leaders are the partitions modulo `brokers`. */
function producer(brokers = 1) {
  const sent: {
    readonly names: string[]
    readonly batches: readonly PartitionBatch[]
    answer: (result: SendResult) => void
  }[] = []
  const requests = new CombinedRequests({
    leaderOf: (_, partition) => (partition === 99 ? null : String(partition % brokers)),
    wasAcknowledged: ({ partition }) => partition === 77,
    send: batches =>
      new Promise(resolve => {
        sent.push({ names: batches.map(({ topic, partition }) => `${topic}${partition}`), batches, answer: resolve })
      })
  })
  return { requests, sent, names: () => sent.map(({ names }) => names.join(' ')) }
}

suite('requests of partitions with one leader', () => {
  test('that begin together are one request', async () => {
    const { requests, sent, names } = producer()
    const batches = [batch(0), batch(1), batch(0, 'u')]
    const results = Promise.all(batches.map(each => requests.send(each)))
    await turn()
    assert.deepEqual(names(), ['t0 t1 u0'])
    assert.deepEqual(sent[0]?.batches, batches)
    sent[0]?.answer(acknowledged)
    assert.deepEqual(await results, [acknowledged, acknowledged, acknowledged])
  })

  test('wait for the one in flight, and are then one request', async () => {
    const { requests, sent, names } = producer()
    const first = requests.send(batch(0))
    await turn()
    const later = [requests.send(batch(1)), requests.send(batch(2))]
    await turn()
    assert.deepEqual(names(), ['t0'])
    sent[0]?.answer(acknowledged)
    await first
    await turn()
    assert.deepEqual(names(), ['t0', 't1 t2'])
    sent[1]?.answer(acknowledged)
    await Promise.all(later)
    void requests.send(batch(3))
    await turn()
    assert.deepEqual(names().at(-1), 't3')
  })

  test('are several requests if they are large', async () => {
    const { requests, sent, names } = producer()
    for (let partition = 0; partition < 4; partition++) void requests.send(batch(partition, 't', 7 * 1024 * 1024))
    await turn()
    assert.deepEqual(names(), ['t0 t1'])
    sent[0]?.answer(acknowledged)
    await turn()
    assert.deepEqual(names().at(-1), 't2 t3')
  })

  test('include one that is larger than the limit, alone', async () => {
    const { requests, sent, names } = producer()
    for (let partition = 0; partition < 2; partition++) void requests.send(batch(partition, 't', 40 * 1024 * 1024))
    await turn()
    sent[0]?.answer(acknowledged)
    await turn()
    assert.deepEqual(names(), ['t0', 't1'])
  })
})

test('partitions with other leaders have requests of their own, at the same time', async () => {
  const { requests, names } = producer(2)
  for (let partition = 0; partition < 4; partition++) void requests.send(batch(partition))
  await turn()
  assert.deepEqual(names(), ['t0 t2', 't1 t3'])
})

test('a partition without a known leader has a request of its own', async () => {
  const { requests, names } = producer()
  for (const partition of [0, 99, 1]) void requests.send(batch(partition))
  await turn()
  assert.deepEqual(names(), ['t99', 't0 t1'])
})

suite('if a request to several partitions fails,', () => {
  test('each gets a result of its own, of the same messages', async () => {
    const { requests, sent, names } = producer()
    const batches = [batch(0), batch(1), batch(2)]
    const results = Promise.all(batches.map(each => requests.send(each)))
    await turn()
    sent[0]?.answer(failure('renew'))
    await turn()
    assert.deepEqual(names(), ['t0 t1 t2', 't0', 't1', 't2'])
    assert.deepEqual(
      sent.slice(1).map(request => request.batches),
      batches.map(each => [each])
    )
    const answers = [acknowledged, failure('too-large'), acknowledged]
    for (const [place, answer] of answers.entries()) sent[place + 1]?.answer(answer)
    assert.deepEqual(await results, answers)
  })

  test('those that were acknowledged nevertheless are not sent again', async () => {
    const { requests, sent, names } = producer()
    const results = Promise.all([batch(0), batch(77)].map(each => requests.send(each)))
    await turn()
    sent[0]?.answer(failure())
    await turn()
    assert.deepEqual(names(), ['t0 t77', 't0'])
    sent[1]?.answer(acknowledged)
    assert.deepEqual(await results, [acknowledged, acknowledged])
  })

  test('others do not wait for them', async () => {
    const { requests, sent, names } = producer()
    for (const partition of [0, 1]) void requests.send(batch(partition))
    await turn()
    void requests.send(batch(2))
    sent[0]?.answer(failure())
    await turn()
    assert.deepEqual(names(), ['t0 t1', 't0', 't1', 't2'])
  })
})

test('a partition whose last result was a failure is sent alone until it succeeds', async () => {
  const { requests, sent, names } = producer()
  const failed = requests.send(batch(0))
  await turn()
  sent[0]?.answer(failure())
  assert.equal((await failed).acknowledged, false)
  const again = requests.send(batch(0))
  const other = requests.send(batch(1))
  await turn()
  assert.deepEqual(names(), ['t0', 't0', 't1'])
  sent[1]?.answer(acknowledged)
  sent[2]?.answer(acknowledged)
  await Promise.all([again, other])
  await turn()
  for (const partition of [0, 1]) void requests.send(batch(partition))
  await turn()
  assert.deepEqual(names().at(-1), 't0 t1')
})
