import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coneOf } from '../../src/service/coordinates.ts'

const at = (ra: string, dec = '0') => coneOf({ ra, dec, radius: 1 })

test('coordinates are read in degrees and as sexagesimal numbers', () => {
  for (const [given, ra] of [
    ['185.7289', 185.7289],
    ['12:34:56.7', 188.73625],
    ['12 34 56.7', 188.73625],
    ['12h34m56.7s', 188.73625],
    ['00:00:00.0', 0],
    ['12:30', 187.5],
    ['360', 0],
    ['+1.5e2', 150],
    [' 10 ', 10]
  ] as const)
    assert.ok(Math.abs((at(given)?.ra ?? Number.NaN) - ra) < 1e-9, given)
  for (const [given, dec] of [
    ['-5.25', -5.25],
    ['+12:34:56', 12.582222222],
    [' 12:34:56', 12.582222222],
    ['-00:30:00', -0.5],
    ['−00 30 00', -0.5],
    ['-12d34m56.5s', -12.582361111],
    ['90', 90],
    ['-90:00:00', -90]
  ] as const)
    assert.ok(Math.abs((at('0', given)?.dec ?? Number.NaN) - dec) < 1e-8, given)
})

test('what is no position is refused with its value', () => {
  for (const ra of ['', 'x', '-1', '360.1', '25:00:00', '12:60:00', '12:00:60', '12:34:56:78', 'NaN', '1e999', '0x10'])
    assert.throws(() => at(ra), { code: 'REQUEST_INVALID', message: /^ra is / }, ra)
  for (const dec of ['', '91', '-90.0001', '90:00:01', '--5', '+-5', 'Infinity'])
    assert.throws(() => at('0', dec), { code: 'REQUEST_INVALID', message: /^dec is / }, dec)
  assert.equal(coneOf({ ra: undefined, dec: undefined, radius: undefined }), null)
  for (const given of [{ ra: '1', dec: '1' }, { radius: 5 }, { ra: '1', radius: 5 }])
    assert.throws(() => coneOf({ ra: undefined, dec: undefined, radius: undefined, ...given }), {
      code: 'REQUEST_INVALID'
    })
})
