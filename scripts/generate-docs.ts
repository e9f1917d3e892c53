import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { configSchema } from '../src/config/config.ts'
import { environmentName, settingsOf } from '../src/config/settings.ts'
import { type ErrorCode, errorTable } from '../src/errors.ts'
import { type Definition, definitions, metricName } from '../src/telemetry/definitions.ts'
import { cliPage } from './docs/cli.ts'
import { code, page, table } from './docs/markdown.ts'
import { messagePage, messageTypes } from './docs/message.ts'
import { prometheusOperatorManifests } from './docs/prometheus-rule.ts'
import { pythonRecords } from './docs/python-records.ts'

/*
 * `npm run docs`: generates the pages on settings, errors, metrics, commands and the message, the message's types, and the manifests
 * for the Prometheus operator. A test fails if one of them is out of date.
 */

/** The generated files by path from the project's root. */
export async function pages(): Promise<Record<string, string>> {
  return {
    'docs/configuration.md': configurationPage(),
    'docs/errors.md': errorsPage(),
    'docs/metrics.md': metricsPage(),
    'docs/cli.md': await cliPage(),
    'docs/message.md': messagePage(),
    'schemas/classification.d.ts': messageTypes(),
    'clients/python/src/hierax_client/_records.py': pythonRecords(),
    'ops/kubernetes/monitoring.yaml': prometheusOperatorManifests()
  }
}

/** The page of all settings of a schema. */
export function configurationPage(schema = configSchema): string {
  const rows = [...settingsOf(schema)].map(([path, setting]) => {
    const { kind, default: value, defaultText, meaning, fromFile } = setting
    const file = fromFile ? '; may come from a file' : ''
    return [
      code(path),
      code(environmentName(path)),
      defaultText ?? code(Array.isArray(value) ? value.join(',') : String(value)),
      `${meaning} (${kind.expected})${file}`
    ]
  })
  return page(
    'Configuration',
    `Settings come from one YAML file (\`--config FILE\` or \`HIERAX_CONFIG\`), from the environment, and from the command
line. The environment overrides the file, and the command line overrides both. \`hierax serve --print-config\` shows the settings in effect, with
secrets masked. All settings are checked at start. An error names each wrong key, its origin, its value and the expected
value, and the exit code is 2.

- In YAML, \`input.nightsBack\` is \`nightsBack\` below \`input\`. Values may also be written as in the environment.
  \`null\` means that the setting is not given.
- In the environment, the name is \`HIERAX_\` and the path in upper snake case. Lists are separated by commas. An empty
  value is an error. If the table says "or none", \`none\` cancels the value of the file.
- Unknown names are errors, both in the file and in the environment; the error suggests the nearest name. Exceptions are
  \`HIERAX_CONFIG\`, \`HIERAX_REQUIRE_ALL\` and the addresses that Kubernetes sets in every container for a service
  named \`hierax\`. A Kubernetes service named \`hierax-http\` conflicts with \`HIERAX_HTTP_PORT\`: rename it, or set
  \`enableServiceLinks: false\`.
- Settings that "may come from a file" can be given as the path of a file with the value: \`HIERAX_HTTP_TOKEN_FILE\`,
  or \`tokenFile\` below \`http\` in YAML. One final line break is not part of the value.
- Paths are relative to the working directory.
- Routes are objects in YAML. In the environment they are written \`topic=node>=0.8;other=node@purity>=0.9 & maxAgeDays=10\`
  ([operate.md](operate.md#routes)). A node has
  either a probability or a purity ([operate.md](operate.md#routes-by-purity)).
- \`population\` is a name, or shares as a map in YAML; in the environment and on the command line they are written
  \`Transient=0.38,Persistent=0.62\`. Give a share for every sibling. The shares of siblings must sum to 1 within 0.001. Names and nodes are
  checked against every model's card ([operate.md](operate.md#population)).
- \`input.ssl: true\` enables TLS with the system's root certificates. Files below \`input.ssl\` also enable it; \`cert\` and
  \`key\` must be given together. SASL requires mechanism, user name and password.
- If \`output.brokers\` is not set, or names the same brokers as the input, TLS and SASL of the output default to those of
  the input. On another cluster they are off by default: credentials of one cluster are never sent to another.
- An output topic must not be an input topic on the same cluster, and dead letters need a topic of their own.

${table(['Key', 'Environment', 'Default', 'Meaning'], rows)}

An example:

\`\`\`yaml
input:
  brokers: [kafka-1:9093, kafka-2:9093]
  ssl: true
  sasl: { mechanism: scram-sha-512, username: hierax, passwordFile: /run/secrets/kafka }
output:
  brokers: localhost:9092
  routes:
    - { topic: hierax.sn-ia, node: SN Ia, minProbability: 0.8 }
population: stream
store:
  url: lmdb:/var/lib/hierax
http:
  host: 0.0.0.0
  tokenFile: /run/secrets/token
\`\`\``
  )
}

const kinds = [
  {
    kind: 'alert',
    title: 'Errors in a packet',
    text: 'Header `error.code` of its dead letter, label `code` of `hierax_dead_letters_total`.'
  },
  { kind: 'usage', title: 'Errors in a command or a setting', text: 'The command exits with code 2.' },
  { kind: 'fault', title: 'Failures of Hierax or its environment', text: 'Commands exit with code 1.' },
  { kind: 'request', title: 'Errors in an HTTP request', text: 'Field `code` of the problem (RFC 9457).' }
]

function errorsPage(): string {
  const sections = kinds.map(({ kind, title, text }) => {
    const codes = (Object.keys(errorTable) as ErrorCode[]).filter(name => errorTable[name].kind === kind)
    const rows = codes.map(name => [code(name), String(errorTable[name].status), errorTable[name].remedy])
    return `## ${title}\n\n${text}\n\n${table(['Code', 'HTTP status', 'What to do'], rows)}`
  })
  return page('Errors', `Codes are stable. Messages may change.\n\n${sections.join('\n\n')}`)
}

function metricsPage(): string {
  const rows = Object.entries<Definition>(definitions).map(([name, { type, labels, values, help }]) => {
    const known = values ? ` = ${values.join(', ')}` : ''
    return [code(metricName(name)), type, labels ? `${labels.map(code).join(', ')}${known}` : '', help]
  })
  return page(
    'Metrics',
    `\`GET /metrics\` returns the Prometheus text format. Series with known label values start at 0. The default metrics of the
process (\`process_…\`, \`nodejs_…\`, with the event-loop lag) are included.

${table(['Metric', 'Type', 'Labels', 'Meaning'], rows)}`
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
  for (const [name, content] of Object.entries(await pages())) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    fs.writeFileSync(path.join(root, name), content)
  }
}
