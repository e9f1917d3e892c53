import type { KafkaLogger } from '../client/connection.ts'
import type { TopicDescription } from '../client/topic-ids.ts'

/** Which topics may be read, as the brokers describe them; a change is logged. */
export class ReadRights {
  readonly #logger: KafkaLogger
  readonly #onDenied: (topic: string) => void
  #denied: ReadonlySet<string> = new Set()

  /** `onDenied` is called for each topic that may not be read, at each update. */
  constructor(logger: KafkaLogger, onDenied: (topic: string) => void) {
    this.#logger = logger
    this.#onDenied = onDenied
  }

  /** The topics that may not be read. A topic without a description keeps its state. */
  update(topics: readonly string[], described: ReadonlyMap<string, TopicDescription>): ReadonlySet<string> {
    const before = this.#denied
    const isReadable = (topic: string) => described.get(topic)?.readable ?? !before.has(topic)
    this.#denied = new Set(topics.filter(topic => !isReadable(topic)))
    for (const topic of topics) {
      if (this.#denied.has(topic)) this.#onDenied(topic)
      if (this.#denied.has(topic) === before.has(topic)) continue
      if (before.has(topic)) this.#logger.info({ topic }, 'the topic may be read again')
      else this.#logger.warn({ topic }, 'not authorized to read the topic; its partitions wait until that is allowed')
    }
    return this.#denied
  }
}
