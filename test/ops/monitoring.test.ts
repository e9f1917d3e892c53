import assert from 'node:assert/strict'
import fs from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { definitions, metricName } from '../../src/telemetry/definitions.ts'
import { kafka } from '../support/brokers.ts'
import { aroundTopic, runHierax, ServiceProcess, temporaryFolder } from '../support/service.ts'
import { until } from '../support/until.ts'
import { read } from './container/files.ts'
import { dashboard, queries, rules } from './monitoring/dashboard.ts'
import { Prometheus, prometheusSkip, promtool } from './monitoring/prometheus.ts'
import { type Reading, readingOf } from './monitoring/promql.ts'

const running = await kafka()
const { tools } = running
const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** Unit tests of the rules: with steps of a minute, and those that look back for days. */
const ruleTests = ['ops/prometheus/alerts.test.yml', 'ops/prometheus/alerts-days.test.yml']

/** Labels that a scrape adds. */
const targetLabels = ['job', 'instance']

describe('rules', { skip: prometheusSkip }, () => {
  test('promtool finds them valid, and their unit tests pass', () => {
    for (const args of [
      ['check', 'rules', 'ops/prometheus/alerts.yml'],
      ['check', 'config', 'ops/prometheus/prometheus.yml'],
      ['test', 'rules', ...ruleTests]
    ]) {
      const { ok, output } = promtool(...args)
      assert.ok(ok, output)
    }
  })

  test('each has a unit test in which it fires and one in which it does not', () => {
    const checks = ruleTests
      .flatMap(file => parse(read(file)).tests)
      .flatMap((one: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }) => one.alert_rule_test)
    for (const { alert, labels } of rules) {
      const own = checks.filter((check: { alertname: string }) => check.alertname === alert)
      assert.ok(
        own.some((check: { exp_alerts: unknown[] }) => check.exp_alerts.length > 0),
        `${alert} fires`
      )
      if (labels.severity === 'none') continue // it always fires
      assert.ok(
        own.some((check: { exp_alerts: unknown[] }) => check.exp_alerts.length === 0),
        `${alert} is silent`
      )
    }
  })

  test('each says what to do, and docs/operate.md says more', () => {
    const page = read('docs/operate.md')
    for (const { alert, annotations, labels } of rules) {
      assert.ok(annotations.summary && annotations.action, alert)
      assert.match(labels.severity, /^(warning|critical|none)$/)
      assert.ok(page.includes(`\`${alert}\``), `${alert} in docs/operate.md`)
    }
  })
})

test('no panel of the dashboard covers another, and each says what it shows', () => {
  const taken = new Map<string, string>()
  for (const panel of dashboard.panels) {
    const { title, gridPos } = panel
    if (panel.type !== 'row') assert.ok((panel as { description?: string }).description, title)
    assert.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.equal(taken.get(`${x},${y}`), undefined, `${title} lies on another panel`)
        taken.set(`${x},${y}`, title)
      }
  }
})

describe('a running service', { skip: running.skip }, () => {
  let service: ServiceProcess
  let topic = ''
  /** Metrics by name, with the labels that their series have. */
  const exposed = new Map<string, Set<string>>()

  before(async () => {
    topic = await tools.topic(tools.name('alerts'), { partitions: 2 })
    const settings = aroundTopic(running.brokers, topic, `lmdb:${folder}/store`)
    service = await ServiceProcess.start({ ...settings, HIERAX_OUTPUT_ROUTES: `${topic}.route=Transient>=0` })
    await feed()
  })
  after(() => service?.end())

  /** Alerts, and a packet that is none; resolves when they are answered. */
  async function feed(): Promise<void> {
    const { code, stderr } = await runHierax([
      ...['simulate', '--objects', '3', '--brokers', running.brokers.join(','), '--topic', topic]
    ])
    assert.equal(code, 0, stderr)
    await tools.produce(topic, [{ partition: 0, value: 'no packet' }])
    const { total } = await tools.offsets(topic)
    await service.untilConsumed(total)
  }

  describe('scraped by Prometheus', { skip: prometheusSkip }, () => {
    let prometheus: Prometheus
    before(async () => {
      prometheus = await Prometheus.start(folder, new URL(service.url as string).host)
      await until(async () => (await prometheus.query('up{job="hierax"} == 1')).length === 1)
      // Rates need samples from before and after.
      await feed()
    })
    after(() => prometheus?.stop())

    test('every rule is loaded and evaluates without an error', async () => {
      interface Loaded {
        readonly name: string
        readonly health: string
        readonly lastError?: string
      }
      const loaded = async () =>
        (await prometheus.api<{ groups: { rules: Loaded[] }[] }>('rules')).groups.flatMap(group => group.rules)
      await until(async () => (await loaded()).every(rule => rule.health !== 'unknown'))
      const found = await loaded()
      assert.deepEqual(found.map(rule => rule.name).sort(), rules.map(rule => rule.alert).sort())
      for (const { name, health, lastError } of found) assert.equal(health, 'ok', `${name}: ${lastError}`)
    })

    test('every query of the dashboard gives something', async () => {
      // Nothing expired, and there is no day before.
      const quiet = new Set(['expired unread', '{{node}}, before'])
      for (const { panel, expression, legend } of queries) {
        if (quiet.has(legend)) await prometheus.query(expression)
        else
          await until(async () => (await prometheus.query(expression)).length > 0).catch(cause => {
            throw new Error(`${panel}: nothing comes of ${expression}`, { cause })
          })
      }
      for (const { expr } of dashboard.annotations.list) await prometheus.query(expr)
    })

    test('legends name labels that the series have', async () => {
      for (const { panel, expression, legend } of queries) {
        const labels = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(match => match[1] as string)
        for (const { metric } of await prometheus.query(expression))
          for (const label of labels) assert.ok(label in metric, `${panel}: ${label} of ${legend}`)
      }
    })
  })

  test('exposes every metric and label that panels and rules name', async () => {
    const { text } = await service.get('/metrics')
    for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      const endings = type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
      for (const ending of endings) exposed.set(name + ending, new Set(targetLabels))
    }
    for (const [, name = '', labels = ''] of text.matchAll(/^(\w+)\{(.*)\} \S+$/gm))
      for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) exposed.get(name)?.add(label)
    // Series that only come with what they count.
    for (const label of definitions.messages_expired_total.labels)
      exposed.get(metricName('messages_expired_total'))?.add(label)
    exposed.set('up', new Set(targetLabels))

    for (const { panel, expression } of queries) check(panel, readingOf(expression))
    for (const { alert, expr, annotations } of rules) {
      const reading = readingOf(expr)
      check(alert, reading)
      const known = new Set(reading.selectors.flatMap(({ metric }) => [...(exposed.get(metric) ?? [])]))
      for (const [, label = ''] of Object.values(annotations)
        .join(' ')
        .matchAll(/\$labels\.(\w+)/g)) {
        const grouped = reading.grouping.length === 0 || reading.grouping.includes(label)
        assert.ok(known.has(label) && grouped, `${alert}: its text names ${label}`)
      }
    }
  })

  function check(where: string, { selectors, grouping }: Reading): void {
    const known = new Set<string>()
    for (const { metric, labels } of selectors) {
      const own = exposed.get(metric)
      assert.ok(own, `${where}: the service has no metric ${metric}`)
      for (const label of labels) assert.ok(own.has(label), `${where}: ${metric} has no label ${label}`)
      for (const label of own) known.add(label)
    }
    for (const label of grouping) assert.ok(known.has(label), `${where}: no metric has the label ${label}`)
  }
})
