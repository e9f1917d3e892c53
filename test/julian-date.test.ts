import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timeOfDate, timeOfJd, utcOfJd } from '../src/julian-date.ts'

test('a Julian date as a time', () => {
  assert.equal(timeOfJd(2440587.5), 0)
  assert.equal(utcOfJd(2451545), '2000-01-01T12:00:00Z')
  assert.equal(utcOfJd(1e20), 'JD 100000000000000000000')
})

test('the time of a date', () => {
  assert.equal(timeOfDate('1970-01-02'), 86_400_000)
  assert.equal(timeOfDate(' 1970-01-01T00:01Z '), 60_000)
  assert.equal(timeOfDate('1970-01-01 00:00:01.5'), 1500)
  assert.equal(timeOfDate('1970-01-01T01:00+01:00'), 0)
  for (const text of [
    '',
    '2026',
    '2026-04-31',
    '2025-02-29',
    '2026-13-01',
    '2026-01-01T25:00',
    '2026-1-1',
    'yesterday',
    '1.5'
  ])
    assert.equal(timeOfDate(text), null, text)
})
