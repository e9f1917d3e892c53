import { setTimeout as sleep } from 'node:timers/promises'

export interface FlowControl {
  /** Maximum number of packets passed on but not yet processed. */
  readonly maxInFlight: number
  /** Number of packets processed so far. */
  readonly processed: () => Promise<number>
  /** Sends packets that are still buffered; without it the wait for them to be processed would never end. */
  readonly flush: () => Promise<void>
  readonly signal: AbortSignal
}

const pollInterval = 50

/**
 * Passes packets on while at most `maxInFlight` of them are unprocessed. On a busy machine the stream slows down instead of
 * outrunning the service until the topic's retention drops unread messages.
 */
export async function* limitInFlight(
  packets: AsyncIterable<Uint8Array>,
  { maxInFlight, processed, flush, signal }: FlowControl
): AsyncGenerator<Uint8Array> {
  let passed = 0
  let limit = maxInFlight
  for await (const packet of packets) {
    if (passed >= limit) await flush()
    while (passed >= limit) {
      limit = (await processed()) + maxInFlight
      if (passed >= limit) await sleep(pollInterval, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
    }
    passed += 1
    yield packet
  }
}
