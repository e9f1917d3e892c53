import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidArgumentError } from 'commander'
import { decimal, integer, julianDate, list, objectIds } from '../../src/cli/options.ts'

function refused(parse: (text: string) => unknown, texts: string[], message: RegExp): void {
  for (const text of texts) {
    assert.throws(
      () => parse(text),
      error => error instanceof InvalidArgumentError && message.test(error.message),
      text
    )
  }
}

test('whole numbers within their range', () => {
  assert.equal(integer()('-12'), -12)
  assert.equal(integer({ min: 1, max: 3 })('3'), 3)
  refused(
    integer({ min: 1, max: 3 }),
    ['0', '4', '', ' ', 'x', '1.5', '0x2', '1e0', 'NaN'],
    /whole number from 1 to 3\./
  )
  refused(integer({ min: 1 }), ['0', '9007199254740993'], /whole number, 1 or more\./)
  refused(integer({ max: 1 }), ['2'], /whole number, 1 or less\./)
})

test('numbers within their range', () => {
  assert.equal(decimal({ min: 0 })('0.5'), 0.5)
  assert.equal(decimal()('1e3'), 1000)
  refused(decimal({ min: 0 }), ['-0.1', '', ' ', 'x', 'Infinity', 'NaN'], /a number, 0 or more\./)
})

test('times as a Julian date or a date in UTC', () => {
  assert.equal(julianDate('2459000.5'), 2459000.5)
  assert.equal(julianDate('2020-05-31'), 2459000.5)
  assert.equal(julianDate('2020-05-31T12:00Z'), 2459001)
  assert.equal(julianDate(' 2020-05-31 06:00:00 '), 2459000.75)
  refused(
    julianDate,
    ['', '20', '31.5.2020', '2020-13-01', '2020-05-31T25:00', 'yesterday', '59000.5'],
    /a date such as/
  )
})

test('ids of objects', () => {
  assert.deepEqual(objectIds('ZTF19b', ['ZTF19a']), ['ZTF19a', 'ZTF19b'])
  refused(objectIds, ['', 'ZTF\u0000', 'a\nb'], /the id of an object/)
})

test('lists by comma', () => {
  assert.deepEqual(list('a:1, b:2'), ['a:1', 'b:2'])
  refused(list, ['', 'a,', ',a', 'a,,b'], /separated by commas/)
})
