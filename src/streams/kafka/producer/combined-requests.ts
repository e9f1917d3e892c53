import { keyOf } from '../client/offsets.ts'
import type { PartitionBatch, RenewableProducer, SendResult } from './producer.ts'

/** Approximate limit of a combined request before compression, bytes. A broker refuses requests of more than 100 MB. */
const maxBytes = 16 * 1024 * 1024

type CombiningProducer = Pick<RenewableProducer, 'send' | 'leaderOf' | 'wasAcknowledged'>

interface Waiting {
  readonly batch: PartitionBatch
  readonly resolve: (result: SendResult | Promise<SendResult>) => void
}

/** The batches for one leader that wait until its request in flight has ended. */
interface Line {
  waiting: Waiting[]
}

/**
 * Sends the messages of several partitions in one request to their leader. An idempotent producer of kafkajs has one request in flight for each
 * broker, so requests of single partitions would wait for each other.
 *
 * If a combined request fails, each partition that was not acknowledged is sent alone, unchanged: the broker recognises what it has already
 * written, and each partition gets a result of its own. A partition whose last result was a failure is sent alone.
 */
export class CombinedRequests {
  readonly #producer: CombiningProducer
  /** By leader. */
  readonly #lines = new Map<string, Line>()
  /** Partitions whose last result was a failure. */
  readonly #failing = new Set<string>()

  constructor(producer: CombiningProducer) {
    this.#producer = producer
  }

  /** Sends messages of a partition of which no other request is in flight. Never rejects. */
  send(batch: PartitionBatch): Promise<SendResult> {
    const leader = this.#failing.has(keyOf(batch)) ? null : this.#producer.leaderOf(batch.topic, batch.partition)
    if (leader === null) return this.#sendAlone(batch)
    return new Promise(resolve => {
      const line = this.#lines.get(leader)
      if (line !== undefined) line.waiting.push({ batch, resolve })
      else void this.#serve(leader, { waiting: [{ batch, resolve }] })
    })
  }

  /** Sends all that waits for a leader, one request after the other. */
  async #serve(leader: string, line: Line): Promise<void> {
    this.#lines.set(leader, line)
    // The caller may have messages for other partitions too.
    await null
    while (line.waiting.length > 0) await this.#sendTogether(nextRequest(line))
    this.#lines.delete(leader)
  }

  async #sendTogether(together: readonly Waiting[]): Promise<void> {
    const [first] = together
    if (together.length === 1 && first !== undefined) {
      const result = this.#sendAlone(first.batch)
      first.resolve(result)
      await result
      return
    }
    const result = await this.#producer.send(together.map(({ batch }) => batch))
    for (const { batch, resolve } of together) {
      const isAcknowledged = result.acknowledged || this.#producer.wasAcknowledged(batch)
      resolve(isAcknowledged ? { acknowledged: true } : this.#sendAlone(batch))
    }
  }

  async #sendAlone(batch: PartitionBatch): Promise<SendResult> {
    const result = await this.#producer.send([batch])
    if (result.acknowledged) this.#failing.delete(keyOf(batch))
    else this.#failing.add(keyOf(batch))
    return result
  }
}

/** Takes from a line as many batches as fit into a request. */
function nextRequest(line: Line): Waiting[] {
  let count = 0
  for (let bytes = 0; count < line.waiting.length; count++) {
    for (const { value } of line.waiting[count]!.batch.messages) bytes += value?.length ?? 0
    if (count > 0 && bytes > maxBytes) break
  }
  return line.waiting.splice(0, count)
}
