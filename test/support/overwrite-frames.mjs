/**
 * Frames of fetched messages are overwritten when they are free, so that whoever reads a message too late finds other bytes. Imported by tests, and
 * preloaded into `hierax` (`node --import`).
 */
import { FramePool } from 'hierax/streams/kafka/client/frame-pool.ts'

const { putBack } = FramePool.prototype
if (typeof putBack !== 'function') throw new Error('the pool of frames has no method putBack')

FramePool.prototype.putBack = function (memory) {
  new Uint8Array(memory).fill(0xdb)
  putBack.call(this, memory)
}
