import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { EventStream, Sampler } from '../../src/service/event-stream.ts'

describe('sampler', () => {
  it('never gives more than its rate, and all where fewer come', () => {
    const rate = fc.double({ min: 0.1, max: 1000, noNaN: true })
    fc.assert(
      fc.property(rate, fc.nat(2000), (perSecond, count) => {
        const sampler = new Sampler<number>(perSecond)
        for (let element = 0; element < count; element++) sampler.offer(element)
        const taken = sampler.take()
        const most = Math.max(1, (perSecond * sampler.windowMs) / 1000)
        assert.ok(taken.length <= most + 1e-9)
        assert.equal(taken.length, Math.min(count, Math.floor(most)))
        assert.equal(new Set(taken).size, taken.length)
        assert.deepEqual(sampler.take(), [])
      })
    )
  })

  it('draws evenly from a burst', () => {
    const counts = new Array<number>(40).fill(0)
    for (let round = 0; round < 8000; round++) {
      const sampler = new Sampler<number>(20)
      for (let element = 0; element < counts.length; element++) sampler.offer(element)
      for (const element of sampler.take()) counts[element] = (counts[element] as number) + 1
    }
    // 5 of 40 each time: 1000 expected for each, with a standard deviation of about 30.
    for (const count of counts) assert.ok(Math.abs(count - 1000) < 200, String(counts))
  })
})

describe('one client’s stream', () => {
  it('takes no more than its bound, then tells what was missed', () => {
    const stream = new EventStream(100)
    const chunk = Buffer.alloc(40, 'x')
    for (let index = 0; index < 5; index++) stream.offer(chunk)
    assert.equal(stream.readableLength, 80)
    assert.equal(String(stream.read()), 'x'.repeat(80))
    stream.offer(chunk)
    assert.equal(String(stream.read()), `event: dropped\ndata: {"count":3}\n\n${'x'.repeat(40)}`)
  })

  it('stalls only when nothing is read', () => {
    const stream = new EventStream(1000)
    assert.equal(stream.tick(0, 10), false)
    assert.equal(stream.tick(100, 10), false)
    stream.read()
    stream.offer(Buffer.alloc(50))
    assert.equal(stream.tick(200, 10), false)
    stream.read(10)
    assert.equal(stream.tick(300, 10), false)
    assert.equal(stream.tick(400, 10), false)
    assert.equal(stream.tick(405, 10), false)
    assert.equal(stream.tick(410, 10), true)
  })
})
