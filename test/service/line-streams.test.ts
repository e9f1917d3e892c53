import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { LineStreams } from '../../src/service/line-streams.ts'

/** Lines without end, and how many were made. */
function endless(): { readonly made: () => number; readonly chunks: () => AsyncGenerator<string> } {
  let made = 0
  return {
    made: () => made,
    async *chunks() {
      for (;;) yield `${++made}\n`
    }
  }
}

test('streams of lines share their places, and give them back', async t => {
  const refused: string[] = []
  const streams = new LineStreams(
    { total: 3, perAddress: 2, stallMs: 60_000 },
    { refused: reason => refused.push(reason) }
  )
  t.after(() => streams.close())
  const open = (client: string) => streams.open(endless().chunks(), client).on('error', () => {})
  const [first, second] = [open('10.0.0.1'), open('10.0.0.1')]
  assert.throws(() => open('10.0.0.1'), { code: 'TOO_MANY_QUERIES', message: /2 queries of one address/ })
  open('10.0.0.2')
  open('10.0.0.3')
  assert.ok(first.destroyed, 'the client with the most loses its oldest one')
  assert.throws(() => open('10.0.0.4'), { code: 'TOO_MANY_QUERIES', message: /3 queries/ })
  assert.deepEqual(refused, ['address_streams', 'stream_evicted', 'streams'])
  second.destroy()
  await once(second, 'close')
  open('10.0.0.4')
})

test('no line is made that its client does not read, and a client that reads nothing is disconnected', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const streams = new LineStreams({ total: 1, perAddress: 1, stallMs: 60_000 }, { refused: () => {} })
  t.after(() => streams.close())
  const lines = endless()
  const stream = streams.open(lines.chunks(), '10.0.0.1')
  const reader = stream[Symbol.asyncIterator]()
  for (let read = 0; read < 100; read++) {
    assert.equal((await reader.next()).done, false)
    await turn()
    assert.ok(lines.made() <= read + 4, `${lines.made()} lines were made for ${read + 1}`)
    t.mock.timers.tick(30_000)
    assert.equal(stream.destroyed, false)
  }
  t.mock.timers.tick(60_000)
  assert.equal(stream.destroyed, true)
})
