import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { DCLinter } from 'dclint'
import { validate } from 'dockerfile-utils'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { root } from '../support/shared.ts'
import { buildContext, holds, read } from './container/files.ts'
import { environmentOf, execForm, readStages } from './container/recipe.ts'
import { rules } from './monitoring/dashboard.ts'

/** A service of docker-compose.yml, as far as the tests look. */
interface Service {
  readonly image?: string
  readonly build?: { readonly target: string }
  readonly environment?: Readonly<Record<string, string>>
  readonly command?: readonly string[]
  readonly ports?: readonly string[]
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly volumes?: readonly string[]
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean }
  readonly profiles?: readonly string[]
  readonly privileged?: boolean
}

const stages = readStages(read('Dockerfile'))
const runtime = stages.at(-1)!
const compose: { services: Record<string, Service> } = parse(read('docker-compose.yml'))
const services = Object.entries(compose.services)
const context = buildContext()
const noGit = context === null ? 'needs a git checkout' : false

/** Settings of a service as compose passes them on, with variables of whoever starts it. */
function environment({ environment = {} }: Service, given: Readonly<Record<string, string>> = {}) {
  const filled = (text: string): string =>
    text.replace(/\$\{(\w+):-([^}]*)\}/g, (_, name, value) => given[name] ?? value)
  return Object.fromEntries(Object.entries(environment).map(([name, text]) => [name, filled(text)]))
}

/** An exact release: name, then at least major.minor.patch. */
const pinned = /^[\w./-]+:v?\d+\.\d+\.\d+(-[\w.-]+)?$/

test('the Dockerfile is valid', () => {
  assert.deepEqual(
    validate(read('Dockerfile')).map(problem => problem.message),
    []
  )
})

/** What the linter finds (its types get lost with its file endings): schema first, then its rules, none turned off. */
function lintCompose(file: string): string[] {
  const results: { messages: { line: number; rule: string; message: string }[] }[] = new DCLinter({
    rules: {},
    quiet: false,
    debug: false,
    exclude: []
  }).lintFiles([file], false)
  assert.equal(results.length, 1)
  return results.flatMap(({ messages }) => messages.map(found => `${found.line}: ${found.rule}: ${found.message}`))
}

test('the compose file is valid and has no findings', () => {
  assert.deepEqual(lintCompose(path.join(root, 'docker-compose.yml')), [])
})

test('every base and every image is pinned to an exact release', () => {
  const names = new Set(stages.map(stage => stage.name))
  for (const stage of stages) if (!names.has(stage.from)) assert.match(stage.from, pinned)
  assert.equal(new Set(stages.filter(stage => !names.has(stage.from)).map(stage => stage.from)).size, 1)
  for (const [name, service] of services) {
    // The image of the service has no simulator.
    if (service.build) assert.equal(service.build.target, name === 'simulator' ? 'tools' : runtime.name)
    else assert.match(service.image ?? '', pinned, name)
  }
})

test('every COPY finds its source in a fresh clone', { skip: noGit }, () => {
  const before = new Set<string>()
  for (const stage of stages) {
    for (const step of stage.steps) {
      if (step.does !== 'copy') continue
      if (step.from === null)
        for (const source of step.sources) assert.ok(holds(context ?? [], source), `COPY ${source} in ${stage.name}`)
      else assert.ok(before.has(step.from), `COPY --from=${step.from} before that stage`)
    }
    before.add(stage.name)
  }
})

test('the build sees nothing that it does not copy', { skip: noGit }, () => {
  const copied = stages.flatMap(({ steps }) => steps.flatMap(step => (step.does === 'copy' ? step.sources : [])))
  const unused = (context ?? []).filter(file => !copied.some(source => holds([file], source)))
  assert.deepEqual(unused, [])
})

test('the image holds what the package holds', () => {
  const { files } = JSON.parse(read('package.json'))
  const copied = runtime.steps.flatMap(step => (step.does === 'copy' ? step.sources : []))
  for (const file of files as string[]) {
    if (file.endsWith('.md') || file.startsWith('!')) continue
    assert.ok(copied.includes(file) || copied.includes(`/app/${file}`), `${file} of package.json's files`)
  }
})

test('the image runs as a numbered user who is not root, and ends on SIGTERM', () => {
  assert.match(runtime.settings.get('USER') ?? '', /^[1-9]\d*:[1-9]\d*$/)
  assert.equal(runtime.settings.get('STOPSIGNAL'), 'SIGTERM')
  assert.deepEqual(execForm(runtime.settings.get('ENTRYPOINT')), ['hierax'])
  assert.deepEqual(execForm(runtime.settings.get('CMD')), ['serve'])
  assert.match(runtime.settings.get('HEALTHCHECK') ?? '', /CMD \["node",/)
})

test('the settings of image and compose file are accepted', () => {
  const image = environmentOf(runtime)
  for (const [name, service] of services.filter(([, service]) => service.build)) {
    const config = loadConfig({ env: { ...image, ...environment(service) } })
    assert.equal(config.http.host, '0.0.0.0', name)
    assert.equal(config.store.url, 'lmdb:/data', name)
    assert.equal(String(config.http.port), runtime.settings.get('EXPOSE'), name)
  }
  const inside = compose.services.kafka?.environment?.KAFKA_ADVERTISED_LISTENERS?.split(',').map(
    listener => listener.split('://')[1]
  )
  const { brokers } = loadConfig({ env: environment(compose.services.hierax as Service) }).input
  for (const broker of brokers) assert.ok(inside?.includes(broker), `${broker} is advertised by Kafka`)
})

test('no service has more rights than it needs, nor a port beyond loopback', () => {
  for (const [name, service] of services) {
    assert.deepEqual(service.cap_drop, ['ALL'], name)
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name)
    assert.equal(service.privileged, undefined, name)
    for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, name)
    if (service.build) assert.equal(service.read_only, true, name)
    const check = service.build && !service.profiles ? runtime.settings.get('HEALTHCHECK') : service.healthcheck
    assert.ok(check, `${name} has a health check, or says that it has none`)
  }
  assert.ok(compose.services.hierax?.volumes?.some(volume => volume.endsWith(':/data')))
  assert.deepEqual(execForm(runtime.settings.get('VOLUME')), ['/data'])
})

test('traffic is simulated, and Valkey started, only on request', () => {
  assert.deepEqual(
    services.filter(([, service]) => service.profiles).map(([name, service]) => [name, service.profiles]),
    [
      ['simulator', ['simulate']],
      ['valkey', ['valkey']]
    ]
  )
})

test('the Valkey of the compose file keeps what it has acknowledged, and the command in its head leads to it', () => {
  const [, url] = /HIERAX_STORE_URL=(\S+) docker compose --profile valkey/.exec(read('docker-compose.yml')) ?? []
  const { store } = loadConfig({
    env: environment(compose.services.hierax as Service, { HIERAX_STORE_URL: url ?? '' })
  })
  assert.equal(new URL(store.url).hostname, 'valkey')
  const command = (compose.services.valkey?.command ?? []).join(' ')
  for (const option of ['--appendonly yes', '--appendfsync always', '--maxmemory-policy noeviction'])
    assert.ok(command.includes(option), option)
})

test('Prometheus scrapes the service, and sends its alerts to Alertmanager', () => {
  const { scrape_configs: jobs, alerting } = parse(read('ops/prometheus/prometheus.yml'))
  assert.deepEqual(jobs[0].static_configs[0].targets, [`hierax:${runtime.settings.get('EXPOSE')}`])
  const [, port] = (compose.services.alertmanager?.ports?.[0] ?? '').split(':').slice(-2)
  assert.deepEqual(alerting.alertmanagers[0].static_configs[0].targets, [`alertmanager:${port}`])
})

test('Alertmanager has a receiver for every severity, and names only alerts that exist', () => {
  interface Route {
    readonly receiver: string
    readonly matchers: readonly string[]
  }
  interface Inhibition {
    readonly source_matchers: readonly string[]
    readonly target_matchers: readonly string[]
  }
  const { route, receivers, inhibit_rules } = parse(read('ops/prometheus/alertmanager.yml'))
  const routes: readonly Route[] = route.routes
  const used = [route.receiver, ...routes.map(({ receiver }) => receiver)]
  assert.deepEqual(used.sort(), receivers.map(({ name }: { name: string }) => name).sort())
  const matchers = [
    ...routes.flatMap(({ matchers }) => matchers),
    ...(inhibit_rules as Inhibition[]).flatMap(rule => [...rule.source_matchers, ...rule.target_matchers])
  ]
  const known = new Set(rules.flatMap(({ alert, labels }) => [`alertname = ${alert}`, `severity = ${labels.severity}`]))
  for (const matcher of matchers) assert.ok(known.has(matcher), matcher)
})
