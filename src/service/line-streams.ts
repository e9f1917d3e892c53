import { Readable } from 'node:stream'
import { normalizeIP } from '@fastify/rate-limit'
import { HieraxError } from '../errors.ts'
import { FairShares } from './fair-shares.ts'
import type { Refusals } from './schema/refusals.ts'

/** Bounds of responses that are computed while they are sent. */
export const defaultLineLimits = {
  /** Maximum number at a time, in total and for clients with one address. */
  total: 16,
  perAddress: 4,
  /** A client that reads nothing for this time is disconnected, ms. */
  stallMs: 60_000
}

export type LineLimits = Readonly<typeof defaultLineLimits>

/** Responses of lines that are computed as fast as their clients read them. The places are shared as those of event streams. */
export class LineStreams {
  readonly #limits: LineLimits
  readonly #refusals: Pick<Refusals, 'refused'>
  readonly #shares: FairShares<Readable>
  readonly #open = new Set<Readable>()

  constructor(limits: LineLimits, refusals: Pick<Refusals, 'refused'>) {
    this.#limits = limits
    this.#refusals = refusals
    this.#shares = new FairShares({ total: limits.total, perClient: limits.perAddress })
  }

  /** A stream of chunks for a client. Throws TOO_MANY_QUERIES if there is no place. */
  open(chunks: AsyncIterable<string>, client: string): Readable {
    const address = normalizeIP(client)
    let timer: NodeJS.Timeout | undefined
    const { stallMs } = this.#limits
    async function* watched(): AsyncGenerator<string> {
      try {
        for await (const chunk of chunks) {
          timer = setTimeout(() => stream.destroy(), stallMs).unref()
          yield chunk
          clearTimeout(timer)
        }
      } finally {
        clearTimeout(timer)
      }
    }
    const stream = Readable.from(watched(), { highWaterMark: 1 })
    const admission = this.#shares.take(address, stream)
    if (!admission.taken) {
      stream.destroy()
      const total = admission.limit === 'total'
      this.#refusals.refused(total ? 'streams' : 'address_streams', address)
      const which = total ? `${this.#limits.total} queries` : `${this.#limits.perAddress} queries of one address`
      throw new HieraxError('TOO_MANY_QUERIES', `the maximum of ${which} is reached`)
    }
    this.#open.add(stream)
    stream.once('close', () => {
      clearTimeout(timer)
      this.#open.delete(stream)
      this.#shares.release(address, stream)
    })
    if (admission.evicted !== null) {
      this.#refusals.refused('stream_evicted', address)
      admission.evicted.destroy()
    }
    return stream
  }

  /** Ends all streams: their clients see that the last line is missing. */
  close(): void {
    for (const stream of this.#open) stream.destroy()
  }
}
