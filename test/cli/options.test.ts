import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidArgumentError } from 'commander'
import { decimal, integer, list, namingAges, priorPower } from '../../src/cli/options.ts'

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

test('lists by comma', () => {
  assert.deepEqual(list('a:1, b:2'), ['a:1', 'b:2'])
  refused(list, ['', 'a,', ',a', 'a,,b'], /separated by commas/)
})

test('the power of a prior: one number, or by days', () => {
  assert.equal(priorPower('0.4'), 0.4)
  assert.deepEqual(priorPower('10:0.5, 40:0.4,0.3'), [
    { untilDays: 10, value: 0.5 },
    { untilDays: 40, value: 0.4 },
    { untilDays: null, value: 0.3 }
  ])
  refused(priorPower, ['', '2', '10:0.5', '0.5,0.3', '10:0.5:1,0.3', 'x:0.5,0.3'], /It takes/)
  refused(priorPower, ['40:0.5,10:0.4,0.3'], /ascending/)
})

test('ages at which the best F1 decides', () => {
  assert.deepEqual(namingAges('10:1,42:0.4'), [
    { untilDays: 10, value: 1 },
    { untilDays: 42, value: 0.4 }
  ])
  refused(namingAges, ['10', '10:1,0.4', '10:1:2', '0:1', '10:2'], /It takes/)
  refused(namingAges, ['42:0.4,10:1'], /ascending/)
})
