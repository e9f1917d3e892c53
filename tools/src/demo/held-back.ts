import { setTimeout as sleep } from 'node:timers/promises'

/** Who waits for whom. */
export interface HoldBack {
  /** Packets that may be under way, without an answer. */
  readonly ahead: number
  /** Number of packets that have come to their end. */
  readonly answered: () => Promise<number>
  /** Sends what was taken and not sent yet: it could never be answered. */
  readonly flush: () => Promise<void>
  readonly signal: AbortSignal
}

/** How often to look whether the answers have come, ms. */
const look = 50

/**
 * Passes packets on as long as those before them are answered: on a busy machine the stream slows down, instead of
 * running away from the service until the topic drops what was never read.
 */
export async function* heldBack(
  packets: AsyncIterable<Uint8Array>,
  { ahead, answered, flush, signal }: HoldBack
): AsyncGenerator<Uint8Array> {
  let passed = 0
  let free = ahead
  for await (const packet of packets) {
    if (passed >= free) await flush()
    while (passed >= free) {
      free = (await answered()) + ahead
      if (passed >= free) await sleep(look, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
    }
    passed += 1
    yield packet
  }
}
