import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { limitInFlight } from '../../src/demo/limit-in-flight.ts'

async function* numbered(count: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < count; at++) yield Uint8Array.of(at)
}

describe('limitInFlight', () => {
  it('passes all packets in order and never exceeds the limit', async () => {
    const sent: number[] = []
    let processed = 0
    let flushes = 0
    let most = 0
    const packets = limitInFlight(numbered(100), {
      maxInFlight: 8,
      processed: async () => (processed = Math.min(sent.length, processed + 3)),
      flush: async () => void flushes++,
      signal: new AbortController().signal
    })
    for await (const [packet] of packets) {
      sent.push(packet as number)
      most = Math.max(most, sent.length - processed)
    }
    assert.deepEqual(
      sent,
      Array.from({ length: 100 }, (_, at) => at)
    )
    assert.equal(most, 8)
    assert.ok(flushes > 0, 'a buffered packet is never processed')
  })

  it('ends on abort although nothing is ever processed', async () => {
    const ending = new AbortController()
    let sent = 0
    let polls = 0
    const packets = limitInFlight(numbered(100), {
      maxInFlight: 5,
      processed: async () => {
        if (++polls === 2) ending.abort()
        return 0
      },
      flush: async () => {},
      signal: ending.signal
    })
    for await (const _ of packets) sent++
    assert.equal(sent, 5)
  })
})
