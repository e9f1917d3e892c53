import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { startProgress } from '../../src/cli/progress.ts'

/** A stand-in for a terminal, and what was written to it. */
function terminal(isTTY: boolean) {
  let written = ''
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    columns: 120,
    rows: 40,
    cursorTo() {},
    clearLine() {},
    moveCursor() {}
  })
  stream.on('data', data => {
    written += data
  })
  return { stream: stream as unknown as NodeJS.WriteStream, written: () => written }
}

test('a terminal sees how many of how many, or how many where the total is unknown', async () => {
  for (const [total, expected] of [
    [10, /4\/10 packets/],
    [null, /4 packets/]
  ] as const) {
    const { stream, written } = terminal(true)
    const progress = await startProgress({ total, unit: 'packets', stream })
    progress.advance(3)
    progress.advance()
    await new Promise(resolve => setTimeout(resolve, 250))
    progress.stop()
    progress.stop()
    assert.match(written(), expected)
  }
})

test('what is no terminal sees nothing', async () => {
  const { stream, written } = terminal(false)
  const progress = await startProgress({ total: 2, unit: 'packets', stream })
  progress.advance(2)
  progress.stop()
  assert.equal(written(), '')
})
