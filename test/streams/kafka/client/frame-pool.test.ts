import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { FramePool } from '../../../../src/streams/kafka/client/frame-pool.ts'

const kibibyte = 1024
const limits = { fetchBytes: 1000 * kibibyte, aheadBytes: 2000 * kibibyte }

/** Takes a frame and releases it at once. Returns its memory. */
function used(pool: FramePool, length: number): ArrayBufferLike {
  const frame = pool.take(length)
  pool.hold(frame, [])
  return frame.buffer
}

/** A frame in use, in the model of the property. */
interface Lent {
  readonly frame: Buffer
  readonly mark: number
  readonly holders: object[] | null
}

suite('a pool of frames', () => {
  test('never lends memory that is in use, whatever is released, released twice or forgotten', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('take' as const), length: fc.integer({ min: 1, max: 1200 * kibibyte }) }),
      fc.record({ do: fc.constant('hold' as const), at: fc.nat(), holders: fc.nat(3) }),
      fc.record({ do: fc.constant('end' as const), at: fc.nat() }),
      fc.record({ do: fc.constant('end again' as const), at: fc.nat() }),
      fc.record({ do: fc.constant('forget' as const), at: fc.nat() }),
      fc.record({ do: fc.constant('remove idle' as const) })
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const pool = new FramePool(limits)
        const lent: Lent[] = []
        const forgotten: Lent[] = []
        const ended: object[] = []
        let mark = 0
        for (const step of steps) {
          if (step.do === 'take') {
            const frame = pool.take(step.length)
            assert.equal(frame.length, step.length)
            mark = (mark + 1) % 256
            frame.fill(mark)
            lent.push({ frame, mark, holders: null })
          } else if (step.do === 'end again') {
            if (ended.length > 0) pool.end(ended[step.at % ended.length] as object)
          } else if (step.do === 'remove idle') pool.removeIdle()
          else if (lent.length > 0) {
            const at = step.at % lent.length
            const { frame, mark, holders } = lent[at] as Lent
            if (step.do === 'forget') forgotten.push(...lent.splice(at, 1))
            else if (step.do === 'hold' && holders === null) {
              const given = Array.from({ length: step.holders }, () => ({}))
              pool.hold(frame.subarray(8), given)
              if (given.length === 0) lent.splice(at, 1)
              else lent[at] = { frame, mark, holders: given }
            } else if (step.do === 'end' && holders !== null) {
              const holder = holders.pop() as object
              pool.end(holder)
              ended.push(holder)
              if (holders.length === 0) lent.splice(at, 1)
            }
          }
          for (const { frame, mark } of [...lent, ...forgotten]) {
            assert.ok(frame[0] === mark && frame.at(-1) === mark && frame[frame.length >> 1] === mark)
          }
          assert.ok(pool.freeBytes <= limits.aheadBytes)
        }
      }),
      { numRuns: 300 }
    )
  })

  test('lends the same memory for responses of other lengths', () => {
    const pool = new FramePool(limits)
    const first = used(pool, 700 * kibibyte)
    for (const length of [40, 900, 100, 1000, 513]) assert.equal(used(pool, length * kibibyte), first, String(length))
    const [large, small] = [pool.take(600 * kibibyte), pool.take(50 * kibibyte)]
    assert.equal(large.buffer, first)
    for (const frame of [large, small]) pool.hold(frame, [])
    assert.equal(pool.take(50 * kibibyte).buffer, small.buffer, 'the smallest that is large enough')
  })

  test('replaces memory that has become too small', () => {
    const pool = new FramePool(limits)
    for (const length of [40, 100, 300, 700, 1050]) used(pool, length * kibibyte)
    assert.equal(pool.freeBytes, limits.fetchBytes + 64 * kibibyte)
  })

  test('leaves short responses, and those longer than any fetch, to others', () => {
    const pool = new FramePool(limits)
    for (const length of [100, 31 * kibibyte, 1100 * kibibyte]) used(pool, length)
    assert.equal(pool.freeBytes, 0)
  })

  test('waits for the last holder', () => {
    const pool = new FramePool(limits)
    const frame = pool.take(100 * kibibyte)
    const holders = [{}, {}]
    pool.hold(frame, holders)
    for (const holder of [holders[0], holders[0], {}]) pool.end(holder as object)
    assert.notEqual(pool.take(100 * kibibyte).buffer, frame.buffer)
    pool.end(holders[1] as object)
    assert.equal(pool.take(100 * kibibyte).buffer, frame.buffer)
  })

  test('keeps a bounded number of free frames', () => {
    const pool = new FramePool({ ...limits, aheadBytes: 1e9 })
    const frames = Array.from({ length: 40 }, () => pool.take(64 * kibibyte))
    for (const frame of frames) pool.hold(frame, [])
    assert.equal(pool.freeBytes, 16 * 64 * kibibyte)
  })

  test('gives memory back that nobody needed for a while', t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const pool = new FramePool(limits)
    const frames = [pool.take(64 * kibibyte), pool.take(64 * kibibyte)]
    for (const frame of frames) pool.hold(frame, [])
    t.mock.timers.tick(30_000)
    assert.equal(pool.freeBytes, 2 * 64 * kibibyte)
    used(pool, 64 * kibibyte)
    t.mock.timers.tick(30_000)
    assert.equal(pool.freeBytes, 64 * kibibyte, 'one was used meanwhile')
    t.mock.timers.tick(30_000)
    assert.equal(pool.freeBytes, 0)
    used(pool, 64 * kibibyte)
    for (let turn = 0; turn < 2; turn++) t.mock.timers.tick(30_000)
    assert.equal(pool.freeBytes, 0)
  })
})
