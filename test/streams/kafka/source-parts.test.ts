import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { Batch, EachBatchPayload, KafkaMessage, Offsets } from 'kafkajs'
import { HieraxError } from '../../../src/errors.ts'
import { spread } from '../../../src/streams/kafka/source-assigner.ts'
import { OffsetCommits } from '../../../src/streams/kafka/source-commits.ts'
import { CrashPolicy } from '../../../src/streams/kafka/source-crashes.ts'
import { Heartbeats } from '../../../src/streams/kafka/source-heartbeats.ts'
import { resolveOptions } from '../../../src/streams/kafka/source-options.ts'
import { chunks, newTenure, workOn } from '../../../src/streams/kafka/source-work.ts'
import { within } from '../../../src/streams/kafka/within.ts'
import type { BatchHandler } from '../../../src/streams/types.ts'
import { silent } from '../../support/loggers.ts'
import { until } from '../../support/until.ts'

const connection = { brokers: ['127.0.0.1:1'], ssl: false, sasl: null, clientId: 'test' }
const options = resolveOptions({
  connection,
  logger: silent,
  group: 'g',
  from: 'earliest',
  topics: ['t'],
  programs: [1],
  limits: { sessionTimeout: 300, rebalanceTimeout: 400, retryFirst: 5, crashes: 3, crashSpan: 1000 }
})

test('chunks keep every message in order and stay within their bounds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer({ min: 0, max: 50 }))),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 90 }),
      (sizes, chunkMessages, chunkBytes) => {
        const messages = sizes.map(size => ({ value: size === null ? null : Buffer.alloc(size) }))
        const cut = [...chunks(messages, { chunkMessages, chunkBytes })]
        assert.deepEqual(cut.flat(), messages)
        for (const chunk of cut) {
          assert.ok(chunk.length > 0 && chunk.length <= chunkMessages)
          const bytes = chunk.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
          assert.ok(bytes <= chunkBytes || chunk.length === 1)
        }
      }
    )
  )
})

test('partitions go to subscribers only, each to one, and evenly', () => {
  const topics = fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c'), { minLength: 1 })
  const member = fc.record({ memberId: fc.string({ minLength: 1 }), topics })
  const members = fc.uniqueArray(member, { minLength: 1, maxLength: 5, selector: m => m.memberId })
  fc.assert(
    fc.property(members, fc.integer({ min: 1, max: 9 }), (subscribers, count) => {
      const known = ['c', 'a', 'b'].map(topic => ({ topic, partitions: Array.from({ length: count }, (_, i) => i) }))
      const assignment = spread(subscribers, known)
      for (const topic of ['a', 'b', 'c']) {
        const takers = subscribers.filter(subscriber => subscriber.topics.includes(topic))
        const shares = takers.map(({ memberId }) => assignment.get(memberId)?.[topic] ?? [])
        const expected = takers.length === 0 ? [] : Array.from({ length: count }, (_, i) => i)
        assert.deepEqual(
          [...assignment.values()].flatMap(owned => owned[topic] ?? []).sort((a, b) => a - b),
          expected
        )
        const sizes = shares.map(share => share.length)
        if (takers.length > 0) assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
      }
    })
  )
})

function batchOf(count: number): Batch {
  const messages = Array.from({ length: count }, (_, i) => ({
    value: Buffer.from(String(i)),
    offset: String(100 + i),
    timestamp: '5'
  }))
  return { topic: 't', partition: 2, messages: messages as unknown as KafkaMessage[] } as Batch
}

async function work(handler: BatchHandler, tenure = newTenure()): Promise<string[]> {
  const done: string[] = []
  await workOn({
    batch: batchOf(6),
    tenure,
    handler,
    options: { ...options, limits: { ...options.limits, chunkMessages: 2 } },
    heartbeat: async () => undefined,
    done: (_chunk, offset) => done.push(offset),
    rejected: () => undefined
  })
  return done
}

test('work: messages carry their source and time; a member that has to leave ends between chunks', async () => {
  const tenure = newTenure()
  const seen: string[] = []
  const done = await work(async batch => {
    seen.push(...batch.map(({ source, ingested }) => `${source}@${ingested}`))
    if (seen.length === 4) tenure.leave.abort()
  }, tenure)
  assert.deepEqual(seen, ['t/2/100@5', 't/2/101@5', 't/2/102@5', 't/2/103@5'])
  assert.deepEqual(done, ['101', '103'])
})

test('work: what a handler did after its partition was lost does not count', async () => {
  const tenure = newTenure()
  const done = await work(async batch => {
    if (batch[0]!.source === 't/2/102') tenure.lost.abort()
  }, tenure)
  assert.deepEqual(done, ['101'])
})

function payloadThat(answer: () => unknown): EachBatchPayload {
  return {
    heartbeat: async () => {
      const thrown = answer()
      if (thrown !== undefined) throw thrown
    }
  } as EachBatchPayload
}

const protocolError = (type: string) => Object.assign(new Error(type), { type })

test('heartbeats: an unknown member has lost its partitions, a rebalance lets it finish for a while', async () => {
  for (const [type, lostAtOnce] of [
    ['UNKNOWN_MEMBER_ID', true],
    ['ILLEGAL_GENERATION', true],
    ['REBALANCE_IN_PROGRESS', false]
  ] as const) {
    const tenure = newTenure()
    const heartbeats = new Heartbeats(options.limits, silent, () => assert.fail('touch was not lost'))
    heartbeats.begin(
      payloadThat(() => protocolError(type)),
      tenure
    )
    await heartbeats.beat()
    assert.equal(tenure.leave.signal.aborted, true)
    assert.equal(tenure.lost.signal.aborted, lostAtOnce)
    assert.equal((tenure.rejoin as { type?: string } | null)?.type, type)
    await sleep(250)
    assert.equal(tenure.lost.signal.aborted, true)
    heartbeats.close()
  }
})

test('heartbeats: touch is lost only when none came through for a whole session', async () => {
  const lost: number[] = []
  const away = { now: true }
  const began = performance.now()
  const heartbeats = new Heartbeats(options.limits, silent, () => {
    lost.push(performance.now() - began)
    away.now = false
  })
  heartbeats.begin(
    payloadThat(() => (away.now ? new Error('connection closed') : undefined)),
    newTenure()
  )
  await until(() => lost.length > 0)
  assert.ok((lost[0] as number) >= options.limits.sessionTimeout, `lost after ${lost[0]} ms`)
  await sleep(400)
  assert.equal(lost.length, 1)
  heartbeats.close()
})

test('commits are gathered; one that failed comes again with the newest offset, and none after a loss', async () => {
  const sent: string[] = []
  const broken = { now: false }
  const commit = async ({ topics }: Offsets) => {
    sent.push(topics.flatMap(t => t.partitions.map(p => `${t.topic}/${p.partition}:${p.offset}`)).join(' '))
    if (broken.now) throw new Error('coordinator away')
  }
  const commits = new OffsetCommits(20, silent)
  commits.add('a', 0, '1', commit)
  commits.add('a', 0, '2', commit)
  commits.add('b', 1, '7', commit)
  assert.deepEqual(sent, [])
  await sleep(60)
  assert.deepEqual(sent, ['a/0:2 b/1:7'])
  broken.now = true
  commits.add('a', 0, '3', commit)
  await commits.flush()
  broken.now = false
  commits.add('a', 0, '4', commit)
  await commits.flush()
  assert.deepEqual(sent.slice(1), ['a/0:3', 'a/0:4'])
  await commits.flush()
  assert.equal(sent.length, 3)
  broken.now = true
  commits.add('a', 0, '5', commit)
  const failing = commits.flush()
  commits.drop()
  await failing
  broken.now = false
  await commits.flush()
  assert.deepEqual(sent.slice(3), ['a/0:5'])
  commits.drop()
})

test('crashes: a cluster that is away is waited for without end, a consumer that only crashes is given up', () => {
  const policy = new CrashPolicy(options.limits, connection)
  const away = Object.assign(new Error('refused'), { name: 'KafkaJSConnectionError' })
  const pauses = Array.from({ length: 50 }, (_, i) => policy.failed(away, i * 1000))
  assert.equal(pauses[0], 5)
  assert.equal(pauses[1], 10)
  assert.equal(pauses.at(-1), options.limits.retryLongest)

  const bug = new TypeError('x is undefined')
  for (const now of [0, 10, 20, 30]) policy.failed(bug, now)
  policy.progressed()
  assert.equal(policy.failed(bug, 2000), 5)
  policy.failed(bug, 2500)
  assert.throws(
    () => policy.failed(bug, 3100),
    (error: unknown) =>
      error instanceof HieraxError && error.code === 'KAFKA_UNAVAILABLE' && /3 times/.test(error.message)
  )
})

test('crashes: a cluster that is silent is waited for without end; crashes far apart are no row', async () => {
  const silence: unknown = await within(new Promise(() => undefined), 1).catch(error => error)
  const waiting = new CrashPolicy({ ...options.limits, crashes: 10, crashSpan: 300_000 }, connection)
  for (let look = 0; look < 50; look++) waiting.failed(silence, look * 10_000)

  const policy = new CrashPolicy(options.limits, connection)
  const bug = new TypeError('x is undefined')
  for (const now of [600_000, 600_700, 602_000, 602_900]) policy.failed(bug, now)
  assert.throws(() => policy.failed(bug, 603_100), HieraxError)
})
