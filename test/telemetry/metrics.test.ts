import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AggregatorRegistry } from 'prom-client'
import { definitions } from '../../src/telemetry/definitions.ts'
import { Metrics, secondsSince } from '../../src/telemetry/metrics.ts'

/** Samples of the text format by name and labels. */
async function samples(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))])
  )
}

describe('metrics', () => {
  it('have the names and labels that dashboards rely on', () => {
    const actual = Object.values(definitions).map(definition => {
      const labels = 'labels' in definition ? definition.labels : []
      return `${definition.type} ${definition.name}{${labels.join()}}`
    })
    assert.deepEqual(actual.sort(), [
      'counter hierax_alerts_consumed_total{topic}',
      'counter hierax_consumer_restarts_total{}',
      'counter hierax_dead_letters_total{code}',
      'counter hierax_forced_photometry_points_total{}',
      'counter hierax_late_alerts_total{}',
      'counter hierax_not_classified_total{reason}',
      'counter hierax_outcomes_total{outcome}',
      'counter hierax_points_dropped_total{reason}',
      'counter hierax_publish_retries_total{}',
      'counter hierax_published_total{topic}',
      'counter hierax_rebalances_total{}',
      'counter hierax_repeated_answers_total{}',
      'gauge hierax_consumer_lag{topic,partition}',
      'gauge hierax_last_progress_timestamp_seconds{}',
      'gauge hierax_model_info{name,version,sha256,taxonomy,runtime}',
      'gauge hierax_ready{part}',
      'gauge hierax_store_bytes{}',
      'gauge hierax_store_free_bytes{}',
      'gauge hierax_store_objects{}',
      'gauge hierax_tensors{}',
      'histogram hierax_alert_age_seconds{}',
      'histogram hierax_batch_alerts{}',
      'histogram hierax_ingest_to_publish_seconds{}',
      'histogram hierax_stage_seconds{stage}'
    ])
  })

  it('begin with a sample for every value that is known', async () => {
    const text = await samples(new Metrics({ process: false }))
    for (const sample of [
      'hierax_outcomes_total{outcome="dead_letter"}',
      'hierax_not_classified_total{reason="SOLAR_SYSTEM"}',
      'hierax_dead_letters_total{code="NOT_A_CONTAINER"}',
      'hierax_points_dropped_total{reason="program"}',
      'hierax_ready{part="consumer"}',
      'hierax_stage_seconds_count{stage="publish"}',
      'hierax_batch_alerts_count',
      'hierax_late_alerts_total'
    ]) {
      assert.equal(text.get(sample), 0, sample)
    }
    assert.ok(!text.has('hierax_dead_letters_total{code="USAGE"}'))
    assert.ok(!text.has('hierax_store_free_bytes'))
  })

  it('show what was counted', async () => {
    const metrics = new Metrics({ process: false })
    metrics.consumed('ztf', 5)
    metrics.consumed('ztf', 2)
    metrics.outcome('classified', 4)
    metrics.notClassified('BOGUS', 2)
    metrics.deadLetters('TRUNCATED', 1)
    metrics.published('out', 6)
    metrics.stage('decode', 0.003)
    metrics.batch(7, 5000)
    metrics.acknowledged(0.2, 700)
    metrics.acknowledged(-1, -1)
    metrics.lag('ztf', 0, 12)
    metrics.lag('ztf', 1, -1)
    metrics.lag('old', 0, 3)
    metrics.forgetLag('old', [0])
    metrics.rebalanced()
    metrics.consumerRestarted()
    metrics.publishRetried()
    metrics.store({ objects: 3, bytes: 4096, freeBytes: 1e9 })
    metrics.tensors(17)
    metrics.models([{ name: 'gone', version: '0', sha256: 'x', taxonomy: 't', runtime: 'wasm' }])
    metrics.models([{ name: 'net', version: '1', sha256: 'ab', taxonomy: 't', runtime: 'wasm' }])
    metrics.ready({
      consumer: { ready: true },
      producer: { ready: true },
      store: { ready: false },
      model: { ready: true }
    })
    metrics.pointsDropped('future', 3)
    metrics.forcedPhotometry(9)
    metrics.lateAlerts(2)
    metrics.repeatedAnswers(1)
    const text = await samples(metrics)
    const expected: [string, number | undefined][] = [
      ['hierax_alerts_consumed_total{topic="ztf"}', 7],
      ['hierax_outcomes_total{outcome="classified"}', 4],
      ['hierax_not_classified_total{reason="BOGUS"}', 2],
      ['hierax_dead_letters_total{code="TRUNCATED"}', 1],
      ['hierax_published_total{topic="out"}', 6],
      ['hierax_stage_seconds_bucket{le="0.0025",stage="decode"}', 0],
      ['hierax_stage_seconds_bucket{le="0.005",stage="decode"}', 1],
      ['hierax_batch_alerts_sum', 7],
      ['hierax_last_progress_timestamp_seconds', 5],
      ['hierax_ingest_to_publish_seconds_sum', 0.2],
      ['hierax_alert_age_seconds_count', 2],
      ['hierax_consumer_lag{topic="ztf",partition="0"}', 12],
      ['hierax_consumer_lag{topic="ztf",partition="1"}', -1],
      ['hierax_consumer_lag{topic="old",partition="0"}', undefined],
      ['hierax_rebalances_total', 1],
      ['hierax_consumer_restarts_total', 1],
      ['hierax_publish_retries_total', 1],
      ['hierax_store_objects', 3],
      ['hierax_store_bytes', 4096],
      ['hierax_store_free_bytes', 1e9],
      ['hierax_tensors', 17],
      ['hierax_model_info{name="net",version="1",sha256="ab",taxonomy="t",runtime="wasm"}', 1],
      ['hierax_model_info{name="gone",version="0",sha256="x",taxonomy="t",runtime="wasm"}', undefined],
      ['hierax_ready{part="consumer"}', 1],
      ['hierax_ready{part="store"}', 0],
      ['hierax_points_dropped_total{reason="future"}', 3],
      ['hierax_forced_photometry_points_total', 9],
      ['hierax_late_alerts_total', 2],
      ['hierax_repeated_answers_total', 1]
    ]
    for (const [sample, value] of expected) assert.equal(text.get(sample), value, sample)
  })

  it('bring gauges up to date before a scrape, and survive a collector that fails', async () => {
    const metrics = new Metrics({ process: false })
    let live = 1
    metrics.beforeScrape(() => {
      throw new Error('broken')
    })
    metrics.beforeScrape(async () => metrics.tensors(live))
    assert.equal((await samples(metrics)).get('hierax_tensors'), 1)
    live = 2
    assert.equal((await samples(metrics)).get('hierax_tensors'), 2)
  })

  it('include those of the process and of its event loop', async () => {
    const text = await new Metrics().text()
    assert.match(text, /^process_resident_memory_bytes \d/m)
    assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m)
  })

  it('of several processes become one', async () => {
    const [one, two] = [new Metrics({ process: false }), new Metrics({ process: false })]
    for (const metrics of [one, two]) metrics.outcome('classified', 3)
    one.lag('t', 0, 40)
    two.lag('t', 0, -1)
    one.ready({ consumer: { ready: true }, producer: { ready: true }, store: { ready: true }, model: { ready: true } })
    const text = await AggregatorRegistry.aggregate([await one.values(), await two.values()]).metrics()
    assert.match(text, /hierax_outcomes_total\{outcome="classified"\} 6/)
    assert.match(text, /hierax_consumer_lag\{topic="t",partition="0"\} 40/)
    assert.match(text, /hierax_ready\{part="store"\} 0/)
  })
})

describe('secondsSince', () => {
  it('counts from a Julian date', () => {
    assert.ok(Math.abs(secondsSince(2440587.5, 60_000) - 60) < 1e-3)
    assert.ok(Math.abs(secondsSince(2459000.5, Date.UTC(2020, 4, 31, 1)) - 3600) < 1e-3)
  })
})
