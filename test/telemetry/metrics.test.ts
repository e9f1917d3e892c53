import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HieraxError } from '../../src/errors.ts'
import type { Classification } from '../../src/messages/classification.ts'
import type { BatchStats } from '../../src/pipeline/batch-stats.ts'
import { definitions, metricName } from '../../src/telemetry/definitions.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { countedBy } from '../../src/telemetry/processes.ts'

/** Samples of the text format by name and labels. */
async function samples(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))])
  )
}

const stats: BatchStats = {
  consumed: new Map([['ztf', 7]]),
  classified: 4,
  notClassified: new Map([['BOGUS', 2]]),
  classifications: [],
  points: 40,
  deadLetters: [{ error: new HieraxError('TRUNCATED', 'It ends early'), topic: 'ztf', source: 'ztf/0/1' }],
  published: new Map([['out', 6]]),
  routed: [],
  stageSeconds: { decode: 0.003, store: 0.1, classify: 0.2, encode: 0.3, publish: 0.4 },
  droppedPoints: { program: 0, future: 3, invalid: 0, limit: 4 },
  forcedPhotometry: 9,
  lateAlerts: 2,
  reissuedAnswers: 1,
  ingestToPublish: [0.25, -1],
  alertAges: [700, -1]
}

/** Where a process stands in a partition. */
const at = (topic: string, partition: number, lag: number) => ({ topic, partition, lag, next: 30n, held: false })

describe('metrics', () => {
  it('have the names and labels that dashboards rely on', () => {
    const actual = Object.entries(definitions).map(([name, definition]) => {
      const labels = 'labels' in definition ? definition.labels : []
      return `${definition.type} ${metricName(name)}{${labels.join()}}`
    })
    assert.deepEqual(actual.sort(), [
      'counter hierax_alerts_consumed_total{topic}',
      'counter hierax_consumer_restarts_total{}',
      'counter hierax_current_corrections_total{}',
      'counter hierax_dead_letters_total{code}',
      'counter hierax_forced_photometry_points_total{}',
      'counter hierax_http_refused_total{reason}',
      'counter hierax_http_unauthorized_total{route}',
      'counter hierax_invalid_timestamps_total{}',
      'counter hierax_kafka_refusals_total{cluster,reason}',
      'counter hierax_late_alerts_total{}',
      'counter hierax_messages_expired_total{topic}',
      'counter hierax_not_classified_total{reason}',
      'counter hierax_outcomes_total{outcome}',
      'counter hierax_points_dropped_total{reason}',
      'counter hierax_points_total{}',
      'counter hierax_predictions_total{classifier,node}',
      'counter hierax_publish_retries_total{}',
      'counter hierax_published_total{topic}',
      'counter hierax_rebalances_total{}',
      'counter hierax_registry_failures_total{}',
      'counter hierax_repeated_answers_total{}',
      'counter hierax_route_messages_total{topic,kind}',
      'counter hierax_shadow_agreement_total{classifier,sha256,agreement}',
      'counter hierax_shadow_predictions_total{classifier,sha256,node}',
      'counter hierax_shadow_seconds_total{classifier,sha256}',
      'counter hierax_shadow_skipped_total{classifier,sha256,reason}',
      'counter hierax_store_corrupt_total{}',
      'counter hierax_store_failures_total{reason}',
      'counter hierax_topics_recreated_total{}',
      'counter hierax_worker_restarts_total{}',
      'gauge hierax_clock_seconds{}',
      'gauge hierax_consumer_lag{topic,partition}',
      'gauge hierax_consumer_offset{topic,partition}',
      'gauge hierax_input_topics{state}',
      'gauge hierax_last_progress_timestamp_seconds{}',
      'gauge hierax_model_info{name,version,sha256,taxonomy,runtime}',
      'gauge hierax_partition_held{topic,partition}',
      'gauge hierax_ready{part}',
      'gauge hierax_reclassify_objects{state}',
      'gauge hierax_shadow_info{name,version,sha256,taxonomy,runtime}',
      'gauge hierax_store_bytes{}',
      'gauge hierax_store_free_bytes{}',
      'gauge hierax_store_objects{}',
      'gauge hierax_tensors{}',
      'histogram hierax_alert_age_seconds{}',
      'histogram hierax_batch_alerts{}',
      'histogram hierax_ingest_to_publish_seconds{}',
      'histogram hierax_novelty{classifier}',
      'histogram hierax_prediction_probability{classifier}',
      'histogram hierax_route_probability{topic,classifier}',
      'histogram hierax_stage_seconds{stage}'
    ])
  })

  it('are registered by their definition alone: a new entry of the table can be recorded at once', async () => {
    const metrics = new Metrics({ process: false })
    const text = await metrics.text()
    for (const [metric, { type, help }] of Object.entries(definitions)) {
      const name = metricName(metric)
      assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name)
    }
    metrics.increment('published_total', 2, { topic: 'out' })
    metrics.set('store_objects', 3)
    metrics.observe('batch_alerts', 4)
    const recorded = await samples(metrics)
    assert.equal(recorded.get('hierax_published_total{topic="out"}'), 2)
    assert.equal(recorded.get('hierax_store_objects'), 3)
    assert.equal(recorded.get('hierax_batch_alerts_sum'), 4)
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

  it('have series for the latest input topics only, however many nights go by', async () => {
    const metrics = new Metrics({ process: false })
    for (let night = 0; night < 2000; night++) {
      const topic = `ztf_${night}_programid1`
      metrics.partition(at(topic, 0, 1))
      metrics.partition(at('always', 0, 1))
      metrics.expired(topic, 1)
      metrics.batch({ ...stats, consumed: new Map([[topic, 1]]) }, 4000)
    }
    const text = await metrics.text()
    const topics = new Set([...text.matchAll(/topic="(ztf_[^"]+)"/g)].map(([, topic]) => topic))
    assert.ok(topics.size < 300, `${topics.size} topics`)
    assert.ok(topics.has('ztf_1999_programid1'))
    assert.ok(text.includes('hierax_consumer_lag{topic="always"'))
    assert.ok(!text.includes('ztf_0_'))
  })

  it('forget the partitions of topics that are no longer read', async () => {
    const metrics = new Metrics({ process: false })
    metrics.inputTopics(['night-1', 'night-2'])
    metrics.partition(at('night-1', 0, 5))
    metrics.partition(at('night-2', 0, -1))
    metrics.inputTopics(['night-2', 'night-3'])
    let text = await metrics.text()
    assert.ok(!text.includes('night-1'), 'neither lag nor offset')
    assert.match(text, /hierax_consumer_lag\{topic="night-2",partition="0"\} -1/)
    metrics.partition(at('night-2', 0, 8))
    metrics.inputTopics([])
    metrics.inputTopics(['night-1'])
    metrics.partition(at('night-1', 0, 6))
    text = await metrics.text()
    assert.match(text, /hierax_consumer_lag\{topic="night-1",partition="0"\} 6/, 'it is read again')
    assert.ok(!text.includes('night-2'))
  })

  it('count what routes get, from 0, with the mean probability by which it met them', async () => {
    const metrics = new Metrics({ process: false })
    metrics.routes(['sn', 'bright'], [{ name: 'net' }])
    const series = async (name: string) =>
      [...(await samples(metrics))].filter(([key]) => key.startsWith(`hierax_route_${name}`))
    const before = await series('messages_total')
    assert.deepEqual(
      before.map(([, value]) => value),
      [0, 0, 0, 0]
    )
    const of = (topic: string, probability: number | null, retracted = false) =>
      ({ topic, classifier: 'net', probability, retracted }) as const
    const routed = [of('sn', 0.9), of('sn', 0.7), of('sn', null, true), of('bright', null)]
    metrics.batch({ ...stats, routed }, 4000)
    assert.deepEqual(Object.fromEntries(await series('messages_total')), {
      'hierax_route_messages_total{topic="sn",kind="sent"}': 2,
      'hierax_route_messages_total{topic="sn",kind="retracted"}': 1,
      'hierax_route_messages_total{topic="bright",kind="sent"}': 1,
      'hierax_route_messages_total{topic="bright",kind="retracted"}': 0
    })
    assert.deepEqual(Object.fromEntries(await series('probability_sum')), {
      'hierax_route_probability_sum{topic="sn",classifier="net"}': 1.6,
      'hierax_route_probability_sum{topic="bright",classifier="net"}': 0
    })
    const counts = await series('probability_count')
    assert.deepEqual(
      counts.map(([, value]) => value),
      [2, 0]
    )
  })

  it('show what models predict', async () => {
    const metrics = new Metrics({ process: false })
    const node = (name: string) => ({ name })
    const model = { version: '1', sha256: 'ab', taxonomy: 't', runtime: 'wasm', nodes: ['A', 'B'].map(node) }
    metrics.models(['net', 'other'].map(name => ({ ...model, name })))
    const answer = (name: string, node: string | null, probability: number, novelty: number | null) =>
      ({
        status: 'CLASSIFIED',
        prediction: node === null ? null : { node, probability, path: [node] },
        novelty,
        classifier: { name }
      }) as Classification
    const none = { ...answer('net', null, 0, null), status: 'NOT_CLASSIFIED' } as Classification
    const classifications = [
      answer('net', 'A', 0.97, 0.3),
      answer('net', 'A', 0.45, 1),
      answer('net', null, 0, 0.6),
      none,
      answer('other', 'B', 0.7, null)
    ]
    metrics.batch({ ...stats, classifications })
    const text = await samples(metrics)
    const expected: [string, number | undefined][] = [
      ['hierax_predictions_total{classifier="net",node="A"}', 2],
      ['hierax_predictions_total{classifier="net",node="B"}', 0],
      ['hierax_predictions_total{classifier="net",node="none"}', 1],
      ['hierax_predictions_total{classifier="other",node="B"}', 1],
      ['hierax_prediction_probability_bucket{le="0.5",classifier="net"}', 1],
      ['hierax_prediction_probability_count{classifier="net"}', 2],
      ['hierax_prediction_probability_sum{classifier="other"}', 0.7],
      ['hierax_novelty_bucket{le="0.5",classifier="net"}', 1],
      ['hierax_novelty_count{classifier="net"}', 3],
      ['hierax_novelty_count{classifier="other"}', undefined]
    ]
    for (const [sample, value] of expected) assert.equal(text.get(sample), value, sample)
  })

  it('show what was counted', async () => {
    const metrics = new Metrics({ process: false })
    metrics.batch(stats, 4000)
    metrics.batch(stats, 5000)
    metrics.partition(at('ztf', 0, 12))
    metrics.partition(at('ztf', 1, 3))
    metrics.partition(at('ztf', 1, -1))
    metrics.increment('rebalances_total')
    metrics.increment('consumer_restarts_total')
    metrics.increment('publish_retries_total')
    metrics.increment('store_corrupt_total')
    metrics.increment('worker_restarts_total')
    metrics.store({ objects: 3, bytes: 4096, freeBytes: 1e9 })
    metrics.set('tensors', 17)
    metrics.models([{ name: 'gone', version: '0', sha256: 'x', taxonomy: 't', runtime: 'wasm', nodes: [] }])
    metrics.models([{ name: 'net', version: '1', sha256: 'ab', taxonomy: 't', runtime: 'wasm', nodes: [] }])
    metrics.ready({
      consumer: { ready: true },
      producer: { ready: true },
      store: { ready: false },
      model: { ready: true }
    })
    const text = await samples(metrics)
    const expected: [string, number | undefined][] = [
      ['hierax_alerts_consumed_total{topic="ztf"}', 14],
      ['hierax_outcomes_total{outcome="classified"}', 8],
      ['hierax_outcomes_total{outcome="not_classified"}', 4],
      ['hierax_outcomes_total{outcome="dead_letter"}', 2],
      ['hierax_not_classified_total{reason="BOGUS"}', 4],
      ['hierax_dead_letters_total{code="TRUNCATED"}', 2],
      ['hierax_published_total{topic="out"}', 12],
      ['hierax_stage_seconds_bucket{le="0.0025",stage="decode"}', 0],
      ['hierax_stage_seconds_bucket{le="0.005",stage="decode"}', 2],
      ['hierax_batch_alerts_sum', 14],
      ['hierax_last_progress_timestamp_seconds', 5],
      ['hierax_ingest_to_publish_seconds_sum', 0.5],
      ['hierax_alert_age_seconds_count', 4],
      ['hierax_consumer_lag{topic="ztf",partition="0"}', 12],
      ['hierax_consumer_lag{topic="ztf",partition="1"}', -1],
      ['hierax_consumer_offset{topic="ztf",partition="0"}', 30],
      ['hierax_consumer_offset{topic="ztf",partition="1"}', undefined],
      ['hierax_partition_held{topic="ztf",partition="0"}', 0],
      ['hierax_points_total', 80],
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
      ['hierax_points_dropped_total{reason="future"}', 6],
      ['hierax_forced_photometry_points_total', 18],
      ['hierax_late_alerts_total', 4],
      ['hierax_repeated_answers_total', 2],
      ['hierax_store_corrupt_total', 1],
      ['hierax_worker_restarts_total', 1]
    ]
    for (const [sample, value] of expected) assert.equal(text.get(sample), value, sample)
  })

  it('bring gauges up to date before a scrape, and survive a collector that fails', async () => {
    const metrics = new Metrics({ process: false })
    let live = 1
    metrics.beforeScrape(() => {
      throw new Error('broken')
    })
    metrics.beforeScrape(async () => metrics.set('tensors', live))
    assert.equal((await samples(metrics)).get('hierax_tensors'), 1)
    live = 2
    assert.equal((await samples(metrics)).get('hierax_tensors'), 2)
  })

  it('include those of the process and of its event loop', async () => {
    const text = await new Metrics().text()
    assert.match(text, /^process_resident_memory_bytes \d/m)
    assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m)
  })

  it('of a parent and its workers become one', async () => {
    const [parent, one, two] = [0, 1, 2].map(() => new Metrics({ process: false })) as [Metrics, Metrics, Metrics]
    const ready = {
      consumer: { ready: true },
      producer: { ready: true },
      store: { ready: true },
      model: { ready: true }
    }
    for (const metrics of [one, two]) {
      metrics.batch(stats)
      metrics.store({ objects: 7, bytes: 4096, freeBytes: 100 })
    }
    one.partition(at('t', 0, 40))
    two.partition(at('t', 0, -1))
    two.set('tensors', 5)
    parent.ready(ready)
    const gone = await countedBy([], await two.values())
    parent.addWorkers(async () => [gone, await one.values()])
    const text = await parent.text()
    assert.match(text, /hierax_outcomes_total\{outcome="classified"\} 8/, 'what a worker counted stays when it is gone')
    assert.match(text, /hierax_batch_alerts_count 2/)
    assert.match(text, /hierax_consumer_lag\{topic="t",partition="0"\} 40/)
    assert.match(text, /hierax_store_objects 7/)
    assert.match(text, /hierax_tensors 0/, 'but not what it held')
    assert.match(text, /hierax_ready\{part="store"\} 1/, 'readiness is what the parent makes of it')
  })
})
