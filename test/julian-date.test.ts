import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timeOfJd, utcOfJd } from '../src/julian-date.ts'

test('a Julian date as a time', () => {
  assert.equal(timeOfJd(2440587.5), 0)
  assert.equal(utcOfJd(2451545), '2000-01-01T12:00:00Z')
  assert.equal(utcOfJd(1e20), 'JD 100000000000000000000')
})
