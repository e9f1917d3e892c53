import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { tailLine } from '../../src/cli/tail.ts'
import { Screen } from '../../src/cli/terminal/screen.ts'
import { encodeClassification } from '../../src/messages/encoding.ts'
import { readClassification } from '../../src/messages/reading.ts'
import { sampleClassification as sample } from '../support/sample-classification.ts'

const write = () => true
const terminal = new Screen({ write, isTTY: true, hasColors: () => true })
const without = new Screen({ write, isTTY: true, hasColors: () => false })
const read = (body: object) => readClassification(encodeClassification({ ...sample, ...body }, 'avro'))

test('a line has colours on a terminal that has them, and the same text elsewhere', () => {
  const body = read({ evidence: [] })
  const coloured = tailLine(terminal, body, 'older', 'SN Ia')
  const plain = tailLine(without, body, 'older', 'SN Ia')
  assert.notEqual(coloured, plain)
  assert.equal(stripVTControlCharacters(coloured), plain)
  assert.equal(plain, '2020-01-08 10:47  ZTF20aaelulu  r 17.25  SN Ia 0.247  Transient › CC 0.743  3 detections  older')
})

test('with evidence the line ends with why, and its beginning is the same', () => {
  const bare = tailLine(without, read({ evidence: [] }), 'current')
  const why = 'Transient: light curve +0.5, context +6.5 (6.5″ from a galaxy of score .02), prior −2.4'
  assert.equal(tailLine(without, read({}), 'current'), `${bare}  ${why}`)
})

test('a message can not steer the terminal', () => {
  const name = '\u001b[2J\u202e'
  const body = read({ objectId: name, prediction: { node: name, probability: 1, path: [name] }, nodes: [] })
  assert.equal(tailLine(without, body, 'current').includes('\u001b'), false)
  assert.equal(tailLine(without, body, 'current').includes('\u202e'), false)
})

test('a time that no calendar has is shown as it is', () => {
  assert.match(tailLine(without, read({ jd: 1e300 }), 'current'), /^JD 1e\+300 /)
})
