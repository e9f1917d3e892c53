import { type ErrorCode, errorTable } from 'hierax/errors.ts'
import type { InputMessage, OutputMessage } from 'hierax/streams/types.ts'

/** What came of one packet. */
interface Entry {
  readonly message: InputMessage
  readonly recipe: string
  answers: number
  letters: number
}

/** Codes that say "this is unexpected": a packet that gets one has found a defect. */
const unexpected: readonly string[] = ['DECODE_FAILED', 'PROCESSING_FAILED', 'INTERNAL']

/** Keeps account: every packet has its outcome, and only one. */
export class Ledger {
  /** Outcomes (`answered`, or the code of the dead letter) of each recipe. */
  readonly outcomes = new Map<string, Map<string, number>>()
  /** What is wrong, each once, with how often. */
  readonly problems = new Map<string, number>()
  #open = new Map<string, Entry>()
  #letters = 0

  wrong(problem: string): void {
    this.problems.set(problem, (this.problems.get(problem) ?? 0) + 1)
  }

  begin(messages: readonly InputMessage[], recipes: readonly string[]): void {
    this.#open = new Map(
      messages.map((message, index) => [
        message.source,
        { message, recipe: recipes[index] as string, answers: 0, letters: 0 }
      ])
    )
  }

  sent(messages: readonly OutputMessage[]): void {
    for (const { headers, value } of messages) {
      const entry = this.#open.get(headers.source ?? '')
      if (!entry) this.wrong(`a message names the source ${headers.source}, which is not in flight`)
      else if (headers['error.code'] === undefined) {
        if (entry.answers++ === 0) this.#count(entry.recipe, 'answered')
      } else this.#letter(entry, headers['error.code'], headers['error.message'] ?? '', value)
    }
  }

  end(): void {
    for (const { recipe, answers, letters } of this.#open.values()) {
      if (letters + Math.min(answers, 1) !== 1) this.wrong(`${recipe}: ${answers} answers and ${letters} dead letters`)
    }
  }

  /** Holds the metrics against what came out. */
  async compareMetrics(text: string): Promise<void> {
    const sum = (name: string): number =>
      [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
        (total, found) => total + Number(found[1]),
        0
      )
    const [consumed, outcomes] = [sum('hierax_alerts_consumed_total'), sum('hierax_outcomes_total')]
    if (consumed !== outcomes) this.wrong(`consumed ${consumed} alerts, but counted ${outcomes} outcomes`)
    const letters = sum('hierax_dead_letters_total')
    if (letters !== this.#letters) this.wrong(`sent ${this.#letters} dead letters, but counted ${letters}`)
    if (text.length > 200_000) this.wrong(`the metrics have ${text.length} bytes`)
  }

  #letter(entry: Entry, code: string, message: string, value: Uint8Array): void {
    entry.letters++
    this.#letters++
    this.#count(entry.recipe, code)
    if (errorTable[code as ErrorCode]?.kind !== 'alert') this.wrong(`a dead letter has the code ${code}`)
    if (unexpected.includes(code)) this.wrong(`${entry.recipe}: ${code} ${message.slice(0, 200)}`)
    if (message.length > 1000) this.wrong(`${entry.recipe}: a message of ${message.length} characters`)
    if (Buffer.compare(value, entry.message.value ?? new Uint8Array()) !== 0)
      this.wrong(`${entry.recipe}: the dead letter is not the packet`)
  }

  #count(recipe: string, outcome: string): void {
    const counts = this.outcomes.get(recipe) ?? new Map<string, number>()
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    this.outcomes.set(recipe, counts)
  }
}
