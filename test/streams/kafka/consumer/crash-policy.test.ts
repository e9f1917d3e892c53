import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HieraxError } from '../../../../src/errors.ts'
import { withTimeout } from '../../../../src/streams/kafka/client/timing.ts'
import { CrashPolicy } from '../../../../src/streams/kafka/consumer/crash-policy.ts'
import { limitsOf, nowhere } from './source-harness.ts'

const crashLimits = limitsOf({ retryFirst: 5, crashes: 3, crashSpan: 1000 })

test('a cluster that is away is waited for without limit; a consumer that only crashes is given up', () => {
  const policy = new CrashPolicy(crashLimits, nowhere)
  const away = Object.assign(new Error('refused'), { name: 'KafkaJSConnectionError' })
  const pauses = Array.from({ length: 50 }, (_, i) => policy.failed(away, i * 1000))
  assert.equal(pauses[0], 5)
  assert.equal(pauses[1], 10)
  assert.equal(pauses.at(-1), crashLimits.retryLongest)

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

test('a silent cluster is waited for without limit; isolated crashes do not count as consecutive', async () => {
  const silence: unknown = await withTimeout(new Promise(() => undefined), 1).catch(error => error)
  const waiting = new CrashPolicy({ ...crashLimits, crashes: 10, crashSpan: 300_000 }, nowhere)
  for (let attempt = 0; attempt < 50; attempt++) waiting.failed(silence, attempt * 10_000)

  const policy = new CrashPolicy(crashLimits, nowhere)
  const bug = new TypeError('x is undefined')
  for (const now of [600_000, 600_700, 602_000, 602_900]) policy.failed(bug, now)
  assert.throws(() => policy.failed(bug, 603_100), HieraxError)
})

const refused = Object.assign(new Error('SASL authentication failed'), { name: 'KafkaJSSASLAuthenticationError' })
const denied = Object.assign(new Error('Not authorized'), {
  name: 'KafkaJSProtocolError',
  type: 'GROUP_AUTHORIZATION_FAILED'
})

test('credentials that never worked end a start; those that worked are waited for, less and less often', () => {
  const limits = limitsOf({ refusalFirst: 1000, refusalLongest: 60_000 })
  const first = new CrashPolicy(limits, { ...nowhere, role: 'input' })
  assert.deepEqual(
    [0, 1, 2].map(now => first.failed(refused, now)),
    [1000, 2000, 4000]
  )
  assert.throws(() => first.failed(refused, 3), {
    code: 'KAFKA_UNAVAILABLE',
    message: /cluster at 127\.0\.0\.1:1 \(input\) refused the credentials/
  })

  const running = new CrashPolicy(limits, nowhere)
  running.joined()
  const pauses = Array.from({ length: 50 }, (_, i) => running.failed(refused, i * 60_000))
  assert.deepEqual(pauses.slice(0, 3), [1000, 2000, 4000])
  assert.equal(pauses.at(-1), 60_000)
})

test('access that is denied is waited for without limit', () => {
  const policy = new CrashPolicy({ ...crashLimits, crashes: 3, crashSpan: 1000 }, nowhere)
  for (let attempt = 0; attempt < 50; attempt++) policy.failed(denied, attempt * 10_000)
})
