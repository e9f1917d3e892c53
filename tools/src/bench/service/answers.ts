import type { KafkaTools } from '../../../../test/support/kafka-tools.ts'

/** The measured fields of an output message. */
export interface AnswerMessage {
  /** `objectId:candid`. */
  readonly name: string
  /** When the input was written, and when the broker appended the output; epoch ms. */
  readonly ingested: number
  readonly appended: number
}

/** The classifications in an output topic. */
export class Answers {
  readonly #messages: readonly AnswerMessage[]
  readonly #first = new Map<string, AnswerMessage>()

  constructor(messages: readonly AnswerMessage[]) {
    this.#messages = [...messages].sort((a, b) => a.appended - b.appended)
    for (const message of this.#messages) {
      if (!this.#first.has(message.name)) this.#first.set(message.name, message)
    }
  }

  /** Reads a topic with LogAppendTime. */
  static async read(tools: KafkaTools, topic: string): Promise<Answers> {
    const messages = await tools.read(topic, 0, 120_000)
    return new Answers(
      messages.map(({ headers, timestamp }) => ({
        name: (headers.id ?? '').split(':', 2).join(':'),
        ingested: Number(headers.ingested),
        appended: timestamp
      }))
    )
  }

  /** Counts the given alerts with a classification, and lists those without. */
  compare(names: Iterable<string>): { expected: number; answered: number; missing: string[] } {
    let expected = 0
    const missing: string[] = []
    for (const name of names) {
      expected++
      if (!this.#first.has(name)) missing.push(name)
    }
    return { expected, answered: expected - missing.length, missing }
  }

  /** When the first classification of an alert was appended, epoch ms. */
  appended(name: string): number | undefined {
    return this.#first.get(name)?.appended
  }

  /**
   * The time from the first to the last classification of the given alerts (epoch ms), and the number of alerts classified after
   * its first millisecond.
   */
  span(names: ReadonlySet<string>): { from: number; to: number; alerts: number } {
    const times = [...this.#first.values()].filter(({ name }) => names.has(name)).map(({ appended }) => appended)
    const from = Math.min(...times)
    return { from, to: Math.max(...times), alerts: times.filter(time => time > from).length }
  }

  /** Milliseconds from ingestion to publication of the given alerts, ascending. */
  latencies(names: ReadonlySet<string>): number[] {
    return [...this.#first.values()]
      .filter(({ name }) => names.has(name))
      .map(({ ingested, appended }) => appended - ingested)
      .sort((a, b) => a - b)
  }
}

/** The value at a quantile (`share`) of ascending values. */
export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? Number.NaN
}
