import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publishAll } from '../../src/cli/publish.ts'

const progress = { advance: () => {}, stop: () => {} }

test('packets that become due in a pause are sent together, all of them and in order', async () => {
  const [packets, rate, pause] = [40, 400, 25]
  const published: number[] = []
  let flushes = 0
  const publisher = {
    partitions: 1,
    publish: async (packet: Uint8Array) => void published.push(packet[0] as number),
    flush: async () => void flushes++,
    close: async () => {}
  }
  async function* source() {
    for (let number = 0; number < packets; number++) yield { bytes: Uint8Array.of(number) }
  }
  const result = await publishAll(source(), publisher, {
    rate,
    pause,
    progress,
    signal: new AbortController().signal
  })
  assert.equal(result.packets, packets)
  assert.deepEqual(
    published,
    Array.from({ length: packets }, (_, number) => number)
  )
  // A slow machine makes fewer. Timers may end a millisecond early, which can divide a group.
  assert.ok(flushes <= 2 * (packets / ((pause / 1000) * rate)) + 2, `${flushes} requests for ${packets} packets`)
})
