import assert from 'node:assert/strict'
import { test } from 'node:test'
import { childSeconds } from '../../src/bench/service/receive.ts'

test('the time of children is read from what a shell prints', () => {
  assert.equal(childSeconds('0m0.00s 0m0.01s\n1m2.50s 0m0.25s\n'), 62.75)
  assert.equal(childSeconds('0m0.001s 0m0.002s\n0m3.125s 0m0.875s\n'), 4)
  assert.throws(() => childSeconds('user 3'), /times printed "user 3"/)
})
