import { HieraxError } from '../errors.ts'
import type { ClusterConfig, Config, SaslConfig, TlsFiles } from './config.ts'
import type { Values } from './keys.ts'
import { readTls } from './tls.ts'

type Side = 'input' | 'output'

/** Builds the configuration from checked values; what contradicts itself is added to `problems`. */
export function assemble(values: Values, problems: string[]): Config {
  const input: ClusterConfig = {
    brokers: values['input.brokers'] as string[],
    ssl: tls('input', values, problems) ?? false,
    sasl: sasl('input', values, problems) ?? null
  }
  const output = outputCluster(input, values, problems)
  const config: Config = {
    input: {
      ...input,
      topics: set(values['input.topics']),
      programs: set(values['input.programs']),
      backlog: set(values['input.backlog']),
      nightsBack: set(values['input.nightsBack']),
      group: set(values['input.group']),
      from: set(values['input.from'])
    },
    output: {
      ...output,
      classifications: set(values['output.classifications']),
      deadLetters: set(values['output.deadLetters']),
      partitions: set(values['output.partitions']),
      replication: values['output.replication'] ?? null,
      encoding: set(values['output.encoding']),
      routes: set(values['output.routes'])
    },
    store: { url: set(values['store.url']), keepDays: values['store.keepDays'] ?? null },
    model: set(values.model),
    population: set(values.population),
    runtime: set(values.runtime),
    admit: {
      minRealBogus: set(values['admit.minRealBogus']),
      maxSolarSystemDistance: set(values['admit.maxSolarSystemDistance']),
      minDetections: set(values['admit.minDetections'])
    },
    http: { host: set(values['http.host']), port: set(values['http.port']), token: values['http.token'] ?? null },
    workers: set(values.workers),
    workerTimeout: set(values.workerTimeout),
    log: { level: set(values['log.level']) }
  }
  checkTopics(config, problems)
  if (config.workers > 1 && config.store.url === 'memory:') {
    problems.push('workers: more than one can’t share store.url "memory:"; name an lmdb: or valkey: store')
  }
  return config
}

/** A value that the table gives a default. */
function set<T>(value: T | undefined): T {
  if (value === undefined) throw new HieraxError('INTERNAL', 'a setting has neither a value nor a default')
  return value
}

/** On the input's own cluster, TLS and credentials default to the input's; on another one they default to none. */
function outputCluster(input: ClusterConfig, values: Values, problems: string[]): ClusterConfig {
  const brokers = values['output.brokers'] ?? input.brokers
  const same = sameBrokers(brokers, input.brokers)
  return {
    brokers,
    ssl: tls('output', values, problems) ?? (same ? input.ssl : false),
    sasl: sasl('output', values, problems) ?? (same ? input.sasl : null)
  }
}

function sameBrokers(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every(broker => others.includes(broker))
}

/** Undefined where nothing is said. */
function tls(side: Side, values: Values, problems: string[]): boolean | TlsFiles | undefined {
  const wanted = values[`${side}.ssl`]
  const [ca, cert, key] = [values[`${side}.ssl.ca`], values[`${side}.ssl.cert`], values[`${side}.ssl.key`]]
  if (ca === undefined && cert === undefined && key === undefined) return wanted
  if (wanted === false)
    problems.push(`${side}.ssl: is false, but files for TLS are given under it; remove one or the other`)
  const files = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key })
  }
  try {
    readTls(files, side)
  } catch (error) {
    problems.push((error as Error).message)
  }
  return files
}

/** Undefined where nothing is said. */
function sasl(side: Side, values: Values, problems: string[]): SaslConfig | undefined {
  const mechanism = values[`${side}.sasl.mechanism`]
  const username = values[`${side}.sasl.username`]
  const password = values[`${side}.sasl.password`]
  if (mechanism === undefined && username === undefined && password === undefined) return undefined
  if (mechanism !== undefined && username !== undefined && password !== undefined) {
    return { mechanism, username, password }
  }
  const missing = Object.entries({ mechanism, username, password }).filter(([, value]) => value === undefined)
  for (const [name] of missing)
    problems.push(`${side}.sasl.${name}: is missing; SASL wants mechanism, username and password`)
  return undefined
}

/** What Hierax writes must not come back as input, and dead letters (private) must not mix with what is public. */
function checkTopics({ input, output }: Config, problems: string[]): void {
  if (output.deadLetters === output.classifications) {
    problems.push(`output.deadLetters: is the topic of output.classifications ("${output.deadLetters}"); name another`)
  }
  for (const { topic } of output.routes) {
    if (topic === output.deadLetters)
      problems.push(`output.routes: "${topic}" is output.deadLetters; name another topic`)
    if (topic === output.classifications) {
      problems.push(
        `output.routes: "${topic}" is output.classifications, which gets every message anyway; name another`
      )
    }
  }
  if (!sameBrokers(input.brokers, output.brokers)) return
  const written = new Set([output.classifications, output.deadLetters, ...output.routes.map(route => route.topic)])
  const read = input.topics === 'nightly' ? [] : input.topics
  for (const topic of read.filter(name => written.has(name))) {
    problems.push(`input.topics: "${topic}" is an output topic on the same cluster; Hierax would read what it wrote`)
  }
}
