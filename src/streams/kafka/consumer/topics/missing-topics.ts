import type { KafkaLogger } from '../../client/connection.ts'
import { backoff } from '../../client/timing.ts'

const minute = 60_000

/** How long a topic may be missing before it is logged, ms. Hierax may be started before the stream of the survey. */
const patience = 10 * minute

/** First and longest pause between two lines on one topic, ms. */
const firstPause = 60 * minute
const longestPause = 24 * firstPause

interface Missing {
  /** Times in epoch ms. */
  readonly since: number
  due: number
  warnings: number
}

/** Logs input topics that stay missing: a warning after ten minutes, then after an hour, two hours, up to one a day; and when they appear. */
export class MissingTopics {
  readonly #logger: KafkaLogger
  readonly #missing = new Map<string, Missing>()

  constructor(logger: KafkaLogger) {
    this.#logger = logger
  }

  /** These topics are missing at `now`, epoch ms. */
  update(topics: readonly string[], now: number): void {
    for (const [topic, { since, warnings }] of this.#missing) {
      if (topics.includes(topic)) continue
      this.#missing.delete(topic)
      if (warnings > 0) this.#logger.info({ topic, ...missingFor(since, now) }, 'the missing input topic exists now')
    }
    for (const topic of topics) {
      const entry = this.#missing.get(topic) ?? { since: now, due: now + patience, warnings: 0 }
      this.#missing.set(topic, entry)
      if (now < entry.due) continue
      const pause = backoff(++entry.warnings, firstPause, longestPause)
      entry.due = now + pause
      this.#logger.warn(
        { topic, ...missingFor(entry.since, now), nextWarningHours: pause / firstPause },
        'the input topic does not exist; correct input.topics, or create the topic: it is then read without a restart'
      )
    }
  }
}

const missingFor = (since: number, now: number) => ({ missingMinutes: Math.round((now - since) / minute) })
