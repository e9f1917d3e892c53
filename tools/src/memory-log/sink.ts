import { HieraxError } from 'hierax/errors.ts'
import type { Sink } from 'hierax/streams/types.ts'
import type { MemoryLog } from './log.ts'

/** A sink that appends to an in-process log. Rejects with PUBLISH_FAILED once it is closed. */
export function createMemorySink(log: MemoryLog): Sink {
  let closed = false
  return {
    async send(messages) {
      if (closed) throw new HieraxError('PUBLISH_FAILED', 'the in-process sink is closed')
      for (const message of messages) log.append(message)
    },
    async close() {
      closed = true
    }
  }
}
