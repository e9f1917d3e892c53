import { once } from 'node:events'
import { closest } from 'fastest-levenshtein'
import { loadConfig } from '../config/load.ts'
import { HieraxError, printable } from '../errors.ts'
import {
  CurrentClassifications,
  type ReadClassification,
  type Recency,
  readClassification
} from '../messages/reading.ts'
import { followTopic, type TailedMessage } from '../streams/kafka/tail.ts'
import { Screen } from './screen.ts'
import { tailLine } from './tail-text.ts'

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

/** Messages that can't be read are told one by one up to this number, then counted. */
const unreadableTold = 5

/** Runs `hierax tail` until a signal, a closed pipe, the limit or the end of the topic ends it. */
export async function tail(options: TailOptions): Promise<void> {
  const overrides = { 'output.brokers': options.brokers }
  const { output } = loadConfig({ file: options.config, env: process.env, overrides })
  const { brokers, ssl, sasl } = output
  const topic = options.topic ?? output.classifications
  const connection = { brokers, ssl, sasl, clientId: 'hierax-tail' }
  const ending = new AbortController()
  // A reader that has seen enough (SIGPIPE: see main.ts) ends it as Ctrl-C does.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGPIPE'] as const) process.once(signal, () => ending.abort())
  const subscriber = new Subscriber(options, ending)
  try {
    const from = { connection, topic, from: options.from, untilEnd: options.end === true, signal: ending.signal }
    await followTopic(from, messages => subscriber.take(messages))
  } finally {
    subscriber.sumUp()
    // After an outage kafkajs may hold on to sockets and timers for up to a minute; nothing is left for them to do.
    setTimeout(() => process.exit(), 1000).unref()
  }
}

/** Chooses and prints what the options ask for. */
class Subscriber {
  readonly #options: TailOptions
  readonly #ending: AbortController
  readonly #screen = new Screen()
  readonly #current = new CurrentClassifications()
  readonly #taxonomies = new Map<string, boolean>()
  #shown = 0
  #unreadable = 0

  constructor(options: TailOptions, ending: AbortController) {
    this.#options = options
    this.#ending = ending
  }

  /** Prints what is wanted of some messages, and waits for a reader that is slow. */
  async take(messages: readonly TailedMessage[]): Promise<void> {
    const { limit = Number.POSITIVE_INFINITY } = this.#options
    const lines: string[] = []
    for (const message of messages) {
      if (this.#shown >= limit) break
      const line = this.#lineOf(message)
      if (line === null) continue
      lines.push(`${line}\n`)
      this.#shown += 1
    }
    const { signal } = this.#ending
    if (lines.length > 0 && !process.stdout.write(lines.join('')))
      await once(process.stdout, 'drain', { signal }).catch(() => {})
    if (this.#shown >= limit) this.#ending.abort()
  }

  /** Says how many messages could not be read. */
  sumUp(): void {
    if (this.#unreadable <= unreadableTold) return
    process.stderr.write(`hierax: ${this.#unreadable} messages could not be read\n`)
  }

  #lineOf({ value, source }: TailedMessage): string | null {
    let body: ReadClassification
    try {
      body = readClassification(value)
    } catch (thrown) {
      this.#tellUnreadable(source, HieraxError.from(thrown))
      return null
    }
    const recency = this.#current.add(body)
    if (recency === 'duplicate' || !this.#isWanted(body, recency)) return null
    return this.#options.json ? JSON.stringify(body) : tailLine(this.#screen, body, recency, this.#options.node)
  }

  #isWanted(body: ReadClassification, recency: Recency): boolean {
    const { node: name, min, current } = this.#options
    if (current && recency === 'older') return false
    if (name === undefined) return min === undefined || (body.prediction?.probability ?? -1) >= min
    const node = body.nodes.find(node => node.name === name)
    if (body.nodes.length > 0) this.#look(name, body)
    return node !== undefined && node.probability >= (min ?? 0)
  }

  /** Whether the taxonomy has the node is known only from messages: a name that none has is told once. */
  #look(name: string, { nodes, classifier: { taxonomy } }: ReadClassification): void {
    if (this.#taxonomies.has(taxonomy)) return
    const has = nodes.some(node => node.name === name)
    this.#taxonomies.set(taxonomy, has)
    if (has || [...this.#taxonomies.values()].includes(true)) return
    const near = closest(
      name,
      nodes.map(node => node.name)
    )
    const message = `the taxonomy ${JSON.stringify(taxonomy)} has no node ${JSON.stringify(name)}. Did you mean ${near}?`
    process.stderr.write(`hierax: ${printable(message)}\n`)
  }

  #tellUnreadable(source: string, { code, message }: HieraxError): void {
    this.#unreadable += 1
    if (this.#unreadable > unreadableTold) return
    process.stderr.write(`hierax: ${code}: ${source}: ${printable(message)}\n`)
  }
}
