import { once } from 'node:events'
import { outputConnection, registryOf } from '../app/output/output.ts'
import { loadConfig } from '../config/load.ts'
import { HieraxError, nearest, printable } from '../errors.ts'
import { utcOfJd } from '../julian-date.ts'
import { schemaIdOf } from '../messages/encoding.ts'
import { evidenceLine } from '../messages/evidence-words.ts'
import {
  CurrentClassifications,
  type ReadClassification,
  type Recency,
  readClassification
} from '../messages/reading.ts'
import { endProcess } from '../process-end.ts'
import { followTopic, type TailedMessage } from '../streams/kafka/consumer/tail.ts'
import type { SchemaRegistry } from '../streams/schema-registry.ts'
import { Screen } from './terminal/screen.ts'

/** Options of `hierax tail` as commander gives them. */
export interface TailOptions {
  readonly brokers?: string[]
  readonly topic?: string
  readonly node?: string
  readonly min?: number
  readonly from: 'earliest' | 'latest'
  readonly current?: true
  readonly limit?: number
  readonly end?: true
  readonly json?: true
  readonly config?: string
}

/** Number of unreadable messages that are reported one by one; further ones are counted. */
const maxReported = 5

/** Runs `hierax tail` until a signal, a closed pipe, the limit or the end of the topic ends it. */
export async function tail(options: TailOptions): Promise<void> {
  const overrides = { 'output.brokers': options.brokers }
  const { output } = loadConfig({ file: options.config, env: process.env, overrides })
  const topic = options.topic ?? output.classifications
  const { role: _role, ...cluster } = outputConnection({ output })
  const connection = { ...cluster, clientId: 'hierax-tail' }
  const ending = new AbortController()
  // A closed pipe (SIGPIPE: see main.ts) ends it as Ctrl-C does.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGPIPE'] as const) process.once(signal, () => ending.abort())
  const subscriber = new Subscriber(options, ending, registryOf(output))
  try {
    const { groupPrefix } = output
    const untilEnd = options.end === true
    const follow = { connection, topic, groupPrefix, from: options.from, untilEnd, signal: ending.signal }
    await followTopic(follow, messages => subscriber.take(messages))
  } finally {
    subscriber.sumUp()
    // After an outage kafkajs may hold on to sockets and timers for up to a minute; nothing is left for them to do.
    setTimeout(() => endProcess(), 1000).unref()
  }
}

/** Selects and prints messages as the options say. */
class Subscriber {
  readonly #options: TailOptions
  readonly #ending: AbortController
  readonly #screen = new Screen()
  readonly #current = new CurrentClassifications()
  readonly #taxonomies = new Map<string, boolean>()
  readonly #registry: SchemaRegistry | null
  #shown = 0
  #unreadable = 0

  constructor(options: TailOptions, ending: AbortController, registry: SchemaRegistry | null) {
    this.#options = options
    this.#ending = ending
    this.#registry = registry
  }

  /** Prints the selected messages; waits for a slow reader. */
  async take(messages: readonly TailedMessage[]): Promise<void> {
    const { limit = Number.POSITIVE_INFINITY } = this.#options
    const lines: string[] = []
    for (const message of messages) {
      if (this.#shown >= limit) break
      // A compacted topic forgets a key.
      if (message.value === null && message.key !== null) continue
      const line = this.#lineOf(message, await this.#schemaOf(message))
      if (line === null) continue
      lines.push(`${line}\n`)
      this.#shown += 1
    }
    const { signal } = this.#ending
    if (lines.length > 0 && !process.stdout.write(lines.join('')))
      await once(process.stdout, 'drain', { signal }).catch(() => {})
    if (this.#shown >= limit) this.#ending.abort()
  }

  /** Reports how many messages could not be read. */
  sumUp(): void {
    if (this.#unreadable <= maxReported) return
    process.stderr.write(`hierax: ${this.#unreadable} messages could not be read\n`)
  }

  /** The writer's schema, for a message that has only its id. */
  async #schemaOf({ value }: TailedMessage): Promise<string | undefined> {
    const id = value === null ? null : schemaIdOf(value)
    return id === null ? undefined : ((await this.#registry?.schemaOf(id)) ?? undefined)
  }

  #lineOf({ value, source }: TailedMessage, schema: string | undefined): string | null {
    let body: ReadClassification
    try {
      body = readClassification(value, schema)
    } catch (thrown) {
      this.#reportUnreadable(source, HieraxError.from(thrown))
      return null
    }
    const recency = this.#current.add(body)
    if (recency === 'duplicate' || !this.#isSelected(body, recency)) return null
    return this.#options.json ? JSON.stringify(body) : tailLine(this.#screen, body, recency, this.#options.node)
  }

  #isSelected(body: ReadClassification, recency: Recency): boolean {
    const { node: name, min, current } = this.#options
    if (current && recency === 'older') return false
    if (name === undefined) return min === undefined || (body.prediction?.probability ?? -1) >= min
    const node = body.nodes.find(node => node.name === name)
    if (body.nodes.length > 0) this.#checkNode(name, body)
    return node !== undefined && node.probability >= (min ?? 0)
  }

  /** Reports a node that no taxonomy has, once: taxonomies are known only from messages. */
  #checkNode(name: string, { nodes, classifier: { taxonomy } }: ReadClassification): void {
    if (this.#taxonomies.has(taxonomy)) return
    const has = nodes.some(node => node.name === name)
    this.#taxonomies.set(taxonomy, has)
    if (has || [...this.#taxonomies.values()].includes(true)) return
    const near = nearest(
      name,
      nodes.map(node => node.name)
    )
    const message = `the taxonomy ${JSON.stringify(taxonomy)} has no node ${JSON.stringify(name)}. Did you mean ${near}?`
    process.stderr.write(`hierax: ${printable(message)}\n`)
  }

  #reportUnreadable(source: string, { code, message }: HieraxError): void {
    this.#unreadable += 1
    if (this.#unreadable > maxReported) return
    process.stderr.write(`hierax: ${code}: ${source}: ${printable(message)}\n`)
  }
}

/**
 * A classification in one line: exposure (UTC), object, magnitude by band, predicted path and its probability, number of
 * detections, and evidence. The probability of `node`, if given, comes before the prediction.
 */
export function tailLine(screen: Screen, body: ReadClassification, recency: Recency, node?: string): string {
  const { alert, lightCurve, nodes } = body
  const photometry = alert ? `${alert.band} ${alert.magnitude.toFixed(2)}` : ''
  const wanted = node === undefined ? undefined : nodes.find(({ name }) => name === node)
  const detections = `${lightCurve.detections} detection${lightCurve.detections === 1 ? '' : 's'}`
  const why = evidenceLine(body)
  const parts = [
    screen.styled('dim', timeOf(body.jd)),
    screen.styled('cyan', printable(body.objectId).padEnd(12)),
    printable(photometry).padEnd(7),
    ...(wanted ? [`${printable(wanted.name)} ${shade(screen, wanted.probability)}`] : []),
    predicted(screen, body),
    screen.styled('dim', detections),
    ...(recency === 'older' ? [screen.styled('yellow', 'older')] : []),
    ...(why === null ? [] : [screen.styled('dim', printable(why))])
  ]
  return parts.join('  ')
}

function predicted(screen: Screen, { status, reason, prediction }: ReadClassification): string {
  if (status !== 'CLASSIFIED') return screen.styled('dim', `not classified: ${printable(reason ?? 'no reason')}`)
  if (!prediction) return screen.styled('dim', 'undecided')
  const path = prediction.path.map(printable)
  const above = path.slice(0, -1).map(name => `${name} › `)
  return `${screen.styled('dim', above.join(''))}${path.at(-1) ?? ''} ${shade(screen, prediction.probability)}`
}

function shade(screen: Screen, probability: number): string {
  const text = probability.toFixed(3)
  return probability >= 0.9
    ? screen.styled('green', text)
    : probability >= 0.5
      ? screen.styled('yellow', text)
      : screen.styled('dim', text)
}

/** `2020-01-08 10:47` of a Julian date; the date itself if it is out of the calendar's range. */
function timeOf(jd: number): string {
  const utc = utcOfJd(jd)
  return utc.endsWith('Z') ? utc.slice(0, 16).replace('T', ' ') : utc
}
