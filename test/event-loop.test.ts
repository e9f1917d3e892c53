import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createYield } from '../src/event-loop.ts'

test('a loop that is busy lets other tasks run, one that is quick does not wait', async () => {
  let turns = 0
  let over = false
  const others = (): void => {
    turns++
    if (!over) setImmediate(others)
  }
  setImmediate(others)
  const seldom = createYield(60_000)
  for (let n = 0; n < 1000; n++) await seldom()
  assert.equal(turns, 0)
  const always = createYield(0)
  for (let n = 0; n < 10; n++) await always()
  over = true
  assert.ok(turns >= 10, `${turns} turns`)
})
