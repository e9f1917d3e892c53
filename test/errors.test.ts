import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from '../src/errors.ts'

test('the nearest name needs the fewest letters inserted, left out or replaced; case does not count', () => {
  assert.equal(nearest('kitten', ['mitre', 'sitting', 'kitchen']), 'kitchen')
  assert.equal(nearest('SNIA', ['CC', 'SN Ia', 'TDE']), 'SN Ia')
  assert.equal(nearest('', ['long', 'x']), 'x')
  assert.equal(nearest('ab', ['ba', 'b']), 'b')
  assert.equal(nearest('aa', ['ab', 'ba']), 'ab', 'the first of equals')
  assert.equal(nearest('x'.repeat(1e6), ['a', 'xx']), 'xx')
})
