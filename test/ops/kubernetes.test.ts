import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { version } from '../../src/version.ts'
import { testPython } from '../support/python.ts'
import { temporaryFolder } from '../support/service.ts'
import { root } from '../support/shared.ts'
import { read } from './container/files.ts'
import { readStages } from './container/recipe.ts'

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}
interface Container {
  readonly image: string
  readonly args: string[]
  readonly env: { readonly name: string; readonly value: string }[]
  readonly ports: { readonly name: string; readonly containerPort: number }[]
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly resources: Record<'requests' | 'limits', Record<'cpu' | 'memory', string>>
  readonly securityContext: Record<string, unknown>
  readonly volumeMounts: { readonly name: string; readonly mountPath: string }[]
}
interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data: Record<string, string>
  readonly spec: {
    readonly replicas: number
    readonly minReadySeconds?: number
    readonly podManagementPolicy?: string
    readonly unhealthyPodEvictionPolicy?: string
    readonly selector: { readonly matchLabels: Record<string, string> }
    readonly ports: { readonly targetPort: string; readonly port: number }[]
    readonly volumeClaimTemplates?: { readonly metadata: { readonly name: string } }[]
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> }
      readonly spec: {
        readonly containers: Container[]
        readonly volumes: { readonly name: string }[]
        readonly securityContext: Record<string, unknown>
        readonly terminationGracePeriodSeconds: number
        readonly topologySpreadConstraints?: {
          readonly topologyKey: string
          readonly labelSelector: { readonly matchLabels: Record<string, string> }
        }[]
      }
    }
  }
}

const files = ['settings', 'lmdb', 'valkey'].map(name => `ops/kubernetes/${name}.yaml`)
const manifests = new Map(
  files.map(file => [file, parseAllDocuments(read(file)).map(document => document.toJS() as Manifest)])
)
const named = (file: string, kind: string) => manifests.get(`ops/kubernetes/${file}.yaml`)!.find(m => m.kind === kind)!
const settings = named('settings', 'ConfigMap').data['hierax.yaml'] as string
const image = readStages(read('Dockerfile')).at(-1)!
const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const python = testPython()

test('every manifest is what Kubernetes takes', { skip: python.skip }, () => {
  for (const release of ['1.30', '1.37']) {
    const args = ['-k', release, '--strict', ...files]
    const { status, stdout, stderr } = spawnSync(path.join(python.folder, 'kubernetes-validate'), args, {
      cwd: root,
      encoding: 'utf8'
    })
    assert.equal(status, 0, stdout + stderr)
  }
})

for (const [name, kind] of [
  ['lmdb', 'StatefulSet'],
  ['valkey', 'Deployment']
] as const) {
  describe(`Kubernetes with ${name}`, () => {
    const { spec } = named(name, kind)
    const pod = spec.template.spec
    const [container] = pod.containers as [Container]

    test('probes, port and image are those of the service', () => {
      assert.equal(container.startupProbe.httpGet.path, '/health/live')
      assert.equal(container.livenessProbe.httpGet.path, '/health/live')
      assert.equal(container.readinessProbe.httpGet.path, '/health/ready')
      const [page, management] = container.ports
      assert.equal(String(page?.containerPort), image.settings.get('EXPOSE'))
      const port = container.env.find(({ name }) => name === 'HIERAX_HTTP_MANAGEMENT_PORT')?.value
      assert.equal(String(management?.containerPort), port)
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const)
        assert.equal(container[probe].httpGet.port, management?.name)
      assert.equal(container.image, `hierax:${version}`)
      const tags = [...read('docs/container.md').matchAll(/docker build -t (\S+)/g)].map(match => match[1])
      assert.deepEqual(tags, [container.image], 'the documentation builds this image')
      assert.deepEqual(container.args, ['serve'])
      const { annotations } = spec.template.metadata
      assert.equal(annotations['prometheus.io/port'], port)
      assert.equal(annotations['prometheus.io/path'], '/metrics')
    })

    test('it has limits and few rights, and time to end', () => {
      for (const kind of ['requests', 'limits'] as const)
        assert.ok(container.resources[kind].cpu && container.resources[kind].memory)
      assert.deepEqual(container.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] }
      })
      const [user, group] = (image.settings.get('USER') ?? '').split(':').map(Number)
      const { runAsNonRoot, runAsUser, runAsGroup, fsGroup } = pod.securityContext
      assert.deepEqual([runAsNonRoot, runAsUser, runAsGroup, fsGroup], [true, user, group, group])
      assert.equal(pod.terminationGracePeriodSeconds, 60)
    })

    test('labels, volumes and mounts fit together', () => {
      assert.deepEqual(spec.selector.matchLabels, spec.template.metadata.labels)
      const volumes = [...pod.volumes, ...(spec.volumeClaimTemplates ?? []).map(claim => claim.metadata)]
      assert.deepEqual(container.volumeMounts.map(mount => mount.name).sort(), volumes.map(v => v.name).sort())
    })

    test('its settings are accepted, secrets in files too', () => {
      const place = path.join(folder, name)
      const within = (file: string) => path.join(place, file)
      for (const [file, text] of [
        [
          'etc/hierax/hierax.yaml',
          settings.replaceAll(/^( *)# (?=ssl|sasl)/gm, '$1').replaceAll('/etc/', within('etc/'))
        ],
        ['etc/hierax-kafka/username', 'someone'],
        ['etc/hierax-kafka/password', 'hidden'],
        ['etc/hierax-store/url', 'valkey://:secret@valkey:6379/0']
      ] as const) {
        fs.mkdirSync(path.dirname(within(file)), { recursive: true })
        fs.writeFileSync(within(file), text)
      }
      const env = Object.fromEntries(
        container.env.map(({ name, value }) => [name, value.replace(/^\/etc\//, within('etc/'))])
      )
      const config = loadConfig({ env })
      assert.equal(config.input.sasl?.password, 'hidden')
      assert.equal(config.store.url, name === 'lmdb' ? 'lmdb:/data' : 'valkey://:secret@valkey:6379/0')
      const mounts = container.volumeMounts.map(mount => mount.mountPath)
      for (const { value } of container.env)
        if (value.startsWith('/')) assert.ok(mounts.includes(path.dirname(value)), `${value} is mounted`)
    })
  })
}

test('LMDB is one pod with a volume; Valkey several without', () => {
  assert.equal(named('lmdb', 'StatefulSet').spec.replicas, 1)
  assert.ok(named('lmdb', 'StatefulSet').spec.volumeClaimTemplates)
  assert.ok(named('valkey', 'Deployment').spec.replicas > 1)
  assert.equal(named('valkey', 'Deployment').spec.volumeClaimTemplates, undefined)
})

test('several pods are spread, and a drain is not blocked while none is ready', () => {
  const { template, minReadySeconds } = named('valkey', 'Deployment').spec
  const spread = template.spec.topologySpreadConstraints ?? []
  assert.deepEqual(
    spread.map(({ topologyKey }) => topologyKey),
    ['kubernetes.io/hostname', 'topology.kubernetes.io/zone']
  )
  for (const { labelSelector } of spread) assert.deepEqual(labelSelector.matchLabels, template.metadata.labels)
  assert.ok(minReadySeconds)
  const budget = named('valkey', 'PodDisruptionBudget').spec
  assert.equal(budget.unhealthyPodEvictionPolicy, 'AlwaysAllow')
  assert.deepEqual(budget.selector.matchLabels, template.metadata.labels)
  assert.equal(named('lmdb', 'StatefulSet').spec.podManagementPolicy, 'Parallel')
})

test('the memory limits suit four workers, as docs/operate.md plans them', () => {
  const { limits } = named('lmdb', 'StatefulSet').spec.template.spec.containers[0]!.resources
  const [, perProcess] = /plan (\d+) MB\./.exec(read('docs/operate.md')) ?? []
  const [, ofUnit] = /^MemoryMax=(\d+)G$/m.exec(read('ops/systemd/hierax.service')) ?? []
  // A parent and its workers.
  const needed = (4 + 1) * Number(perProcess)
  for (const limit of [Number.parseInt(limits.memory, 10), Number(ofUnit)])
    assert.ok(limit * 1000 >= needed, `${limit} GB`)
  assert.match(limits.memory, /^\d+Gi$/)
})

describe('the Prometheus operator', () => {
  const [monitor, rule] = parseAllDocuments(read('ops/kubernetes/monitoring.yaml')).map(document => document.toJS())
  const pods = named('valkey', 'Deployment').spec.template

  test('scrapes the management port of the pods', () => {
    assert.equal(monitor.kind, 'PodMonitor')
    assert.deepEqual(monitor.spec, {
      selector: { matchLabels: pods.metadata.labels },
      podMetricsEndpoints: [{ port: 'management', path: '/metrics', interval: '15s' }]
    })
    assert.ok(pods.spec.containers[0]?.ports.some(({ name }) => name === 'management'))
  })

  test('has the rules of ops/prometheus', () => {
    assert.equal(rule.kind, 'PrometheusRule')
    assert.deepEqual(rule.spec, parse(read('ops/prometheus/alerts.yml')))
  })

  test('has nothing that its resources do not know', () => {
    for (const { apiVersion, metadata, ...rest } of [monitor, rule]) {
      assert.equal(apiVersion, 'monitoring.coreos.com/v1')
      assert.deepEqual(Object.keys(metadata).sort(), ['labels', 'name'])
      assert.deepEqual(Object.keys(rest).sort(), ['kind', 'spec'])
    }
    for (const group of rule.spec.groups) {
      assert.deepEqual(
        Object.keys(group).filter(key => !['name', 'interval', 'rules'].includes(key)),
        []
      )
      for (const each of group.rules) {
        const known = ['alert', 'expr', 'for', 'labels', 'annotations']
        assert.deepEqual(
          Object.keys(each).filter(key => !known.includes(key)),
          [],
          each.alert
        )
      }
    }
  })
})

test('the settings as they stand are accepted, and the service has no name that clashes with them', () => {
  const file = path.join(folder, 'plain.yaml')
  fs.writeFileSync(file, settings)
  assert.deepEqual(loadConfig({ file, env: {} }).input.brokers, ['kafka:9092'])
  const { metadata, spec } = named('settings', 'Service')
  assert.equal(metadata.name, 'hierax')
  assert.equal(spec.ports[0]?.targetPort, 'http')
})

test('Grafana finds the dashboard and its data source where compose puts them', () => {
  const { services } = parse(read('docker-compose.yml'))
  const provider = parse(read('ops/grafana/provisioning/dashboards/hierax.yml')).providers[0].options.path
  assert.ok(services.grafana.volumes.includes(`./ops/grafana/dashboards:${provider}:ro`))
  const [source] = parse(read('ops/grafana/provisioning/datasources/prometheus.yml')).datasources
  const [, port] = (services.prometheus.ports[0] as string).split(':').slice(-2)
  assert.equal(source.url, `http://prometheus:${port}`)
  assert.equal(source.type, 'prometheus')
  assert.equal(services.grafana.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH, `${provider}/hierax.json`)
})
