import type { KafkaTools } from '../../../../test/support/kafka-tools.ts'

/** A message of the output, as far as the measurement goes. */
export interface AnswerMessage {
  /** Object and candidate. */
  readonly name: string
  /** When the input was written, and when the broker took the answer; epoch ms. */
  readonly ingested: number
  readonly appended: number
}

/** The answers that came to an output topic. */
export class Answers {
  readonly #messages: readonly AnswerMessage[]
  readonly #first = new Map<string, AnswerMessage>()

  constructor(messages: readonly AnswerMessage[]) {
    this.#messages = [...messages].sort((a, b) => a.appended - b.appended)
    for (const message of this.#messages) {
      if (!this.#first.has(message.name)) this.#first.set(message.name, message)
    }
  }

  /** Reads a topic whose timestamps are the broker's. */
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

  /** Of the alerts named, how many were answered, and those that were not. */
  compare(names: Iterable<string>): { expected: number; answered: number; missing: string[] } {
    let expected = 0
    const missing: string[] = []
    for (const name of names) {
      expected++
      if (!this.#first.has(name)) missing.push(name)
    }
    return { expected, answered: expected - missing.length, missing }
  }

  /**
   * The stretch from the first to the last of the named alerts' answers: epoch ms, and the alerts answered after its
   * first moment.
   */
  stretch(names: ReadonlySet<string>): { from: number; to: number; alerts: number } {
    const times = [...this.#first.values()].filter(({ name }) => names.has(name)).map(({ appended }) => appended)
    const from = Math.min(...times)
    return { from, to: Math.max(...times), alerts: times.filter(time => time > from).length }
  }

  /** Milliseconds from ingest to answer of the named alerts, ascending. */
  latencies(names: ReadonlySet<string>): number[] {
    return [...this.#first.values()]
      .filter(({ name }) => names.has(name))
      .map(({ ingested, appended }) => appended - ingested)
      .sort((a, b) => a - b)
  }
}

/** The value below which a share of ascending values lie. */
export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? Number.NaN
}
