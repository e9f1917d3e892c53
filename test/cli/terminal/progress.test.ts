import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { progressLine, startProgress } from '../../../src/cli/terminal/progress.ts'

/** A stand-in for a terminal. */
function terminal(isTTY: boolean): NodeJS.WriteStream {
  return Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 120 }) as unknown as NodeJS.WriteStream
}

test('a terminal sees how many of how many, or how many if the total is unknown', ({ mock }) => {
  mock.timers.enable({ apis: ['setInterval'] })
  for (const [total, expected] of [
    [10, /4\/10 packets/],
    [null, /4 packets/]
  ] as const) {
    const stream = terminal(true)
    const progress = startProgress({ total, unit: 'packets', stream })
    progress.advance(3)
    progress.advance()
    mock.timers.tick(100)
    progress.stop()
    progress.stop()
    assert.match(String((stream as unknown as PassThrough).read()), expected)
  }
})

test('a line has a bar, the count, the rate and the time that is left', () => {
  assert.equal(progressLine(0, 80, 'packets', 0), `${'░'.repeat(30)} 0% | 0/80 packets | 0/s`)
  assert.equal(
    progressLine(40, 80, 'packets', 2),
    `${'█'.repeat(15)}${'░'.repeat(15)} 50% | 40/80 packets | 20/s | 2 s left`
  )
  assert.match(progressLine(1, 1000, 'objects', 1), / \| 17 min left$/)
  assert.match(progressLine(81, 80, 'packets', 1), /^█{30} 100% \| 81\/80 packets \| 81\/s \| 0 s left$/)
  assert.equal(progressLine(7, null, 'packets', 2), '7 packets | 4/s')
  assert.match(progressLine(0, 0, 'packets', 1), / 100% \| 0\/0 packets/)
})

test('what is no terminal sees nothing', () => {
  const stream = terminal(false)
  const progress = startProgress({ total: 2, unit: 'packets', stream })
  progress.advance(2)
  progress.stop()
  assert.equal((stream as unknown as PassThrough).read(), null)
})
