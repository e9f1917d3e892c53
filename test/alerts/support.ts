import assert from 'node:assert/strict'
import { type ErrorCode, HieraxError } from '../../src/errors.ts'

/** Asserts that a call throws a HieraxError of kind `alert` with this code, and whose message matches. Returns it. */
export function refused(call: () => unknown, code: ErrorCode, message?: RegExp): HieraxError {
  let thrown: unknown
  try {
    call()
  } catch (error) {
    thrown = error
  }
  assert.ok(thrown instanceof HieraxError, `expected ${code}, got ${thrown === undefined ? 'no error' : thrown}`)
  assert.equal(thrown.code, code, thrown.message)
  assert.equal(thrown.kind, 'alert')
  if (message) assert.match(thrown.message, message)
  return thrown
}
