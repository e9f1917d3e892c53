import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { heldBack } from '../../src/demo/held-back.ts'

async function* numbered(count: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < count; at++) yield Uint8Array.of(at)
}

describe('a stream that is held back', () => {
  it('never runs away from a slow service, and all of it comes in order', async () => {
    const sent: number[] = []
    let answered = 0
    let flushes = 0
    let furthest = 0
    const packets = heldBack(numbered(100), {
      ahead: 8,
      answered: async () => (answered = Math.min(sent.length, answered + 3)),
      flush: async () => void flushes++,
      signal: new AbortController().signal
    })
    for await (const [packet] of packets) {
      sent.push(packet as number)
      furthest = Math.max(furthest, sent.length - answered)
    }
    assert.deepEqual(
      sent,
      Array.from({ length: 100 }, (_, at) => at)
    )
    assert.equal(furthest, 8)
    assert.ok(flushes > 0, 'what is not sent is never answered')
  })

  it('ends when it is to end, though no answer ever comes', async () => {
    const ending = new AbortController()
    setTimeout(() => ending.abort(), 20)
    let sent = 0
    const packets = heldBack(numbered(100), {
      ahead: 5,
      answered: async () => 0,
      flush: async () => {},
      signal: ending.signal
    })
    for await (const _ of packets) sent++
    assert.equal(sent, 5)
  })
})
