import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatheredLog } from '../../src/telemetry/gathered-log.ts'

test('the first event is logged at once, later ones together, with a number for each kind', () => {
  const lines: object[] = []
  const log = new GatheredLog<string>(1000, (counts, first) => lines.push({ counts, first }))
  log.write(0)
  log.add('A', 'a1')
  log.add('A', 'a2')
  log.write(0)
  log.add('B', 'b1', 5)
  log.write(999)
  log.add('A', 'a3')
  log.write(1000)
  log.write(5000)
  assert.deepEqual(lines, [
    { counts: { A: 2 }, first: 'a1' },
    { counts: { B: 5, A: 1 }, first: 'b1' }
  ])
})
