import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HieraxError } from '../../src/errors.ts'
import { emptyStats } from '../../src/pipeline/batch-stats.ts'
import { MinuteStatistics, toStatisticsView } from '../../src/service/statistics.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'

const sha256 = 'ab'.repeat(32)
const classifier = { name: 'm', version: '1', sha256, taxonomy: 't', taxonomyVersion: '1' }
const sure = { classifier, reason: null, prediction: { node: 'SN Ia', probability: 0.9, path: ['SN Ia'] } }
const unsure = { ...sure, prediction: null }
const bogus = { ...unsure, reason: 'BOGUS' as const }

describe('last minute', () => {
  it('counts answers by second, class and reason', () => {
    const minute = new MinuteStatistics(sha256)
    minute.add([sure, sure, unsure], 10_500)
    minute.add([bogus], 12_000)
    const view = minute.view(13_999)
    assert.equal(view.perSecond.length, 60)
    assert.deepEqual(view.perSecond.slice(-3), [3, 0, 1])
    assert.deepEqual([view.classified, view.notClassified], [3, 1])
    assert.deepEqual(view.nodes, { 'SN Ia': 2, '': 1 })
    assert.deepEqual(view.reasons, { BOGUS: 1 })
  })

  it('forgets what is older, and does not count a second that is not over', () => {
    const minute = new MinuteStatistics(sha256)
    minute.add([sure], 1000)
    assert.equal(minute.view(1999).classified, 0)
    assert.equal(minute.view(2000).classified, 1)
    assert.equal(minute.view(61_999).classified, 1)
    assert.equal(minute.view(62_000).classified, 0)
    minute.add([sure, sure], 62_500)
    assert.deepEqual(minute.view(63_000).perSecond.slice(-2), [0, 2])
  })

  it('counts the first model only', () => {
    const minute = new MinuteStatistics(sha256)
    minute.add([sure, { ...sure, classifier: { ...classifier, sha256: 'cd' } }], 0)
    assert.equal(minute.view(1000).classified, 1)
  })
})

describe('statistics', () => {
  it('are what the metrics say', async () => {
    const metrics = new Metrics({ process: false })
    metrics.batch({
      ...emptyStats(),
      consumed: new Map([['a', 7]]),
      classified: 4,
      notClassified: new Map([['BOGUS', 2]]),
      deadLetters: [{ error: new HieraxError('NOT_A_CONTAINER', 'It begins otherwise'), topic: 'a', source: 'a/0/1' }]
    })
    metrics.partition({ topic: 'a', partition: 0, lag: 5, next: null, held: false })
    metrics.partition({ topic: 'a', partition: 1, lag: -1, next: null, held: false })
    metrics.store({ objects: 3, bytes: 10, freeBytes: null })
    const { minute: _, ...view } = toStatisticsView(await metrics.values())
    assert.deepEqual(view, {
      alerts: 7,
      outcomes: { classified: 4, notClassified: 2, deadLetters: 1 },
      lag: 5,
      objects: 3
    })
  })
})
