import { shown } from '../errors.ts'
import { readRegular, whyUnreadable } from '../regular-file.ts'
import { matchesTopic } from '../topic-patterns.ts'
import type { ClusterConfig, Config } from './config.ts'

type Side = 'input' | 'output'

/** Settings of a cluster as they are given: what is not given is undefined, or null for credentials. */
type Draft = { readonly [K in keyof ClusterConfig]: Config['output'][K] | undefined }

/**
 * Completes what settings leave to each other, and adds what contradicts itself to `problems`. On the input's own cluster, TLS and
 * credentials of the output default to the input's; on another one to none.
 */
export function resolve(draft: Config, problems: string[]): Config {
  const input = { ...draft.input, ssl: (draft.input as Draft).ssl ?? false }
  const { brokers = input.brokers, ssl, sasl }: Draft = draft.output
  const same = sameBrokers(brokers, input.brokers)
  const output = {
    ...draft.output,
    brokers,
    ssl: ssl ?? (same ? input.ssl : false),
    sasl: sasl ?? (same ? input.sasl : null)
  }
  const config = { ...draft, input, output, http: resolveHttp(draft.http, problems) }
  checkTls('input', input.ssl, problems)
  // What is the input's is checked there.
  checkTls('output', ssl ?? false, problems)
  checkRegistry(config.output, problems)
  checkTopics(config, problems)
  if (config.output.desc.topic === null && config.output.desc.classes !== null)
    problems.push('output.desc.topic: is missing; output.desc.classes requires it')
  if (config.workers > 1 && config.store.url === 'memory:') {
    problems.push('workers: more than one can’t share store.url "memory:"; name an lmdb: or valkey: store')
  }
  return config
}

/** A management port with the address of the page is no other port: both settings are null then. */
function resolveHttp(http: Config['http'], problems: string[]): Config['http'] {
  const { host, port } = http.management
  if (host !== null && port === null)
    problems.push('http.management.port: is missing; http.management.host requires it')
  const own = { host: host ?? http.host, port }
  const shared = port === null || (port !== 0 && port === http.port && own.host === http.host)
  return { ...http, management: shared ? { host: null, port: null } : own }
}

function sameBrokers(some: Config['output']['brokers'], others: readonly string[]): boolean {
  return some !== null && some.length === others.length && some.every(broker => others.includes(broker))
}

/** The client reads the files when it connects: what is wrong with them is reported at start. */
function checkTls(side: Side, ssl: ClusterConfig['ssl'], problems: string[]): void {
  if (typeof ssl === 'boolean') return
  const { cert, key } = ssl
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key']
    problems.push(`${side}.ssl.${missing}: is missing; ${side}.ssl.${given} requires it`)
    return
  }
  for (const [name, file] of Object.entries(ssl)) checkPem(`${side}.ssl.${name}`, file, problems)
}

function checkPem(path: string, file: string, problems: string[]): void {
  try {
    if (readRegular(file).includes('-----BEGIN ')) return
    problems.push(`${path}: ${shown(file)} is not a PEM file`)
  } catch (error) {
    problems.push(`${path}: can't read ${shown(file)} (${whyUnreadable(error)})`)
  }
}

function checkRegistry({ encoding, registry }: Config['output'], problems: string[]): void {
  const { url, username, password, token, ca } = registry
  if (encoding === 'confluent' && url === null)
    problems.push('output.registry.url: is missing; output.encoding "confluent" requires it')
  if ((username === null) !== (password === null)) {
    const [given, missing] = username === null ? ['password', 'username'] : ['username', 'password']
    problems.push(`output.registry.${missing}: is missing; output.registry.${given} requires it`)
  }
  if (token !== null && username !== null)
    problems.push('output.registry: both a token and a user name are given; give one')
  if (ca !== null) checkPem('output.registry.ca', ca, problems)
}

/** What Hierax writes must not come back as input, and dead letters (private) must not mix with what is public. */
function checkTopics({ input, output }: Config, problems: string[]): void {
  if (output.deadLetters === output.classifications) {
    problems.push(`output.deadLetters: is the topic of output.classifications ("${output.deadLetters}"); name another`)
  }
  const others = [...classificationTopics(output), output.deadLetters]
  for (const [name, topic] of Object.entries(singleTopics(output))) {
    if (topic === null) continue
    if (others.includes(topic)) problems.push(`output.${name}: "${topic}" is another output topic; name another`)
    others.push(topic)
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
  if (!sameBrokers(output.brokers, input.brokers)) return
  for (const entry of input.topics === 'nightly' ? [] : input.topics) {
    const topic = writtenTopics(output).find(name => matchesTopic(entry, name))
    if (topic === undefined) continue
    const what = topic === entry ? 'is an output topic' : `matches the output topic "${topic}"`
    problems.push(`input.topics: "${entry}" ${what} on the same cluster; Hierax would read what it wrote`)
  }
}

/** Topics that may be turned off, by the setting below `output`; null: off. */
function singleTopics({ models, current, desc }: Config['output']): Record<string, string | null> {
  return { models, current, 'desc.topic': desc.topic }
}

/** Every topic that Hierax writes. */
export function writtenTopics(output: Config['output']): string[] {
  const others = [output.deadLetters, ...Object.values(singleTopics(output))].filter(topic => topic !== null)
  return [...new Set([...classificationTopics(output), ...others])]
}

/** The topics of classifications without the compacted one: that of all, and those of the routes. */
export function classificationTopics({
  classifications,
  routes
}: Pick<Config['output'], 'classifications' | 'routes'>): string[] {
  return [...new Set([classifications, ...routes.map(({ topic }) => topic)])]
}
