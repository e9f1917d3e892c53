import { type ErrorCode, errorTable } from 'hierax/errors.ts'
import type { InputMessage, OutputMessage } from 'hierax/streams/types.ts'

/** The outcomes of one packet. */
interface Entry {
  readonly message: InputMessage
  readonly recipe: string
  classifications: number
  deadLetters: number
}

/** Codes for unexpected errors: a packet that gets one of them has found a bug. */
const unexpected: readonly string[] = ['DECODE_FAILED', 'PROCESSING_FAILED', 'INTERNAL']

/** Records outcomes and checks that every packet has exactly one. */
export class Ledger {
  /** Outcomes (`classification`, or the code of the dead letter) of each recipe. */
  readonly outcomes = new Map<string, Map<string, number>>()
  /** Problems, with the number of occurrences. */
  readonly problems = new Map<string, number>()
  #open = new Map<string, Entry>()
  #deadLetters = 0

  report(problem: string): void {
    this.problems.set(problem, (this.problems.get(problem) ?? 0) + 1)
  }

  begin(messages: readonly InputMessage[], recipes: readonly string[]): void {
    this.#open = new Map(
      messages.map((message, index) => [
        message.source,
        { message, recipe: recipes[index] as string, classifications: 0, deadLetters: 0 }
      ])
    )
  }

  sent(messages: readonly OutputMessage[]): void {
    for (const { headers, value } of messages) {
      const entry = this.#open.get(headers.source ?? '')
      if (!entry) this.report(`a message names the source ${headers.source}, which is not in flight`)
      else if (headers['error.code'] === undefined) {
        if (entry.classifications++ === 0) this.#count(entry.recipe, 'classification')
      } else this.#deadLetter(entry, headers['error.code'], headers['error.message'] ?? '', value)
    }
  }

  end(): void {
    for (const { recipe, classifications, deadLetters } of this.#open.values()) {
      if (deadLetters + Math.min(classifications, 1) !== 1)
        this.report(`${recipe}: ${classifications} classifications and ${deadLetters} dead letters`)
    }
  }

  /** Compares the service's metrics with the recorded outcomes. */
  compareMetrics(text: string): void {
    const sum = (name: string): number =>
      [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
        (total, found) => total + Number(found[1]),
        0
      )
    const [consumed, outcomes] = [sum('hierax_alerts_consumed_total'), sum('hierax_outcomes_total')]
    if (consumed !== outcomes) this.report(`consumed ${consumed} alerts, but counted ${outcomes} outcomes`)
    const deadLetters = sum('hierax_dead_letters_total')
    if (deadLetters !== this.#deadLetters)
      this.report(`sent ${this.#deadLetters} dead letters, but counted ${deadLetters}`)
    if (text.length > 200_000) this.report(`the metrics have ${text.length} bytes`)
  }

  #deadLetter(entry: Entry, code: string, message: string, value: Uint8Array): void {
    entry.deadLetters++
    this.#deadLetters++
    this.#count(entry.recipe, code)
    if (errorTable[code as ErrorCode]?.kind !== 'alert') this.report(`a dead letter has the unexpected code ${code}`)
    if (unexpected.includes(code)) this.report(`${entry.recipe}: ${code} ${message.slice(0, 200)}`)
    if (message.length > 1000) this.report(`${entry.recipe}: a message of ${message.length} characters`)
    if (Buffer.compare(value, entry.message.value ?? new Uint8Array()) !== 0)
      this.report(`${entry.recipe}: the dead letter differs from the packet`)
  }

  #count(recipe: string, outcome: string): void {
    const counts = this.outcomes.get(recipe) ?? new Map<string, number>()
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    this.outcomes.set(recipe, counts)
  }
}
