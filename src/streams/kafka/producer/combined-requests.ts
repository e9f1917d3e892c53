import { keyOf } from '../client/offsets.ts'
import type { PartitionBatch, RenewableProducer, SendResult } from './producer.ts'

/** Approximate limit of a combined request before compression, bytes. A broker refuses requests of more than 100 MB. */
const maxBytes = 16 * 1024 * 1024

type CombiningProducer = Pick<RenewableProducer, 'send' | 'leaderOf' | 'wasAcknowledged'>

interface Waiting {
  readonly batch: PartitionBatch
  readonly resolve: (result: SendResult | Promise<SendResult>) => void
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
  /** By leader with a request in flight, the batches that wait until it has ended. */
  readonly #waiting = new Map<string, Waiting[]>()
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
      const waiting = this.#waiting.get(leader)
      if (waiting !== undefined) waiting.push({ batch, resolve })
      else void this.#serve(leader, [{ batch, resolve }])
    })
  }

  /** Sends all that waits for a leader, one request after the other. */
  async #serve(leader: string, waiting: Waiting[]): Promise<void> {
    this.#waiting.set(leader, waiting)
    // The caller may have messages for other partitions too.
    await null
    while (waiting.length > 0) await this.#sendTogether(takeRequest(waiting))
    this.#waiting.delete(leader)
  }

  async #sendTogether(together: readonly Waiting[]): Promise<void> {
    const [first] = together
    if (together.length === 1 && first !== undefined) {
      first.resolve(await this.#sendAlone(first.batch))
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

/** Takes as many batches as fit into a request. */
function takeRequest(waiting: Waiting[]): Waiting[] {
  let count = 0
  for (let bytes = 0; count < waiting.length; count++) {
    for (const { value } of waiting[count]!.batch.messages) bytes += value?.length ?? 0
    if (count > 0 && bytes > maxBytes) break
  }
  return waiting.splice(0, count)
}
