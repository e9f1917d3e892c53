import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Screen } from 'hierax/cli/terminal/screen.ts'
import type { Classification } from 'hierax/messages/classification.ts'
import { runHierax } from '../../../test/support/service.ts'
import { confidentLine, statusLine, summaryLines } from '../../src/cli/demo-text.ts'
import { ConfidenceTracker } from '../../src/demo/confidence.ts'

/** A screen, and what was written to its standard output and error. */
function screen(isTTY: boolean, columns = 80): { screen: Screen; written: () => string } {
  let text = ''
  const write = (part: string | Uint8Array): boolean => {
    text += part
    return true
  }
  const stream = { isTTY, columns, write }
  return { screen: new Screen(stream, stream), written: () => text }
}

/** The lines that a terminal shows after this output. */
function visible(written: string): string[] {
  return written.split('\n').map(line => line.split('\r\x1b[2K').at(-1) ?? '')
}

test('on a terminal the status stays on the last line and is cut to its width', () => {
  const { screen: live, written } = screen(true, 20)
  live.status('first')
  live.line('one')
  live.status('x'.repeat(30))
  live.log('warning\n')
  live.line('two')
  assert.deepEqual(visible(written()), ['one', 'warning', 'two', 'x'.repeat(19)])
  live.clear()
  assert.deepEqual(visible(written()).at(-1), '')
})

test('without a terminal there are only lines, without escape sequences', () => {
  const { screen: plain, written } = screen(false)
  plain.status('status')
  plain.line(plain.styled('red', 'one'))
  plain.clear()
  assert.equal(written(), 'status\none\n')
})

const none = { alerts: 0, lag: 3, deadLetters: 0, classified: 0, notClassified: new Map<string, number>() }
const stats = {
  alerts: 1234,
  lag: 7,
  deadLetters: 2,
  classified: 1000,
  notClassified: new Map([
    ['PROGRAM', 0],
    ['BOGUS', 200],
    ['SOLAR_SYSTEM', 32]
  ])
}

/** A tracker with two confident objects, one of them wrong. */
function tracked(): ConfidenceTracker {
  const tracker = new ConfidenceTracker({ labelOf: id => id, isCorrect: label => label === 'RRAB' })
  const nodes = [{ name: 'Persistent', parent: null, conditional: 0.95, probability: 0.95 }]
  const prediction = { node: 'Persistent', probability: 0.95, path: ['Persistent'] }
  for (const objectId of ['RRAB', 'bogus']) {
    tracker.add([{ objectId, prediction, nodes, lightCurve: { detections: 2 } } as unknown as Classification])
  }
  return tracker
}

test('the status waits for the first classifications, then counts', () => {
  const { screen: plain } = screen(false)
  assert.match(statusLine(plain, none, new ConfidenceTracker(), 0, 2), /waiting for the first/)
  const line = statusLine(plain, stats, new ConfidenceTracker(), 149.6, 8.2)
  assert.match(line, /150 alerts\/s · 1,234 alerts of 0 objects · lag 7 · 0 confident objects · 8 s · 2 dead letters/)
  assert.match(statusLine(plain, stats, tracked(), 1, 8), /2 confident objects \(50\.0 % correct\)/)
})

test('the summary counts alerts by outcome, and correct classes', () => {
  const text = summaryLines(stats, tracked(), 61).join('\n')
  assert.match(text, /^1,234 alerts of 2 objects in 61 s; 2 objects have a confident class: Persistent 2\.$/m)
  assert.match(text, /: 1,000 classified, 200 rejected as bogus, 32 near a known minor planet\.$/m)
  assert.match(
    text,
    /^Of 2 confident classes 1 are correct \(50\.0 %; an object may reach several\); wrong: bogus as Persistent 1\.$/m
  )
  assert.doesNotMatch(summaryLines(stats, new ConfidenceTracker(), 1).join(), /correct/)
})

test('the line of a confident object has its path, rise, detections, true class and whether that is correct', () => {
  const { screen: plain } = screen(false)
  const object = {
    objectId: 'ZTF21aagmoqw',
    node: 'SN Ia',
    path: ['Transient', 'SN Ia'],
    probability: 0.912,
    initialProbability: 0.4,
    label: 'SN Ia',
    correct: true
  }
  assert.match(
    confidentLine(plain, { ...object, detections: 9 }),
    /ZTF21aagmoqw +Transient › SN Ia +0\.40 → 0\.91 +9 detections +true class: SN Ia ✓$/
  )
  assert.match(confidentLine(plain, { ...object, detections: 9, correct: false }), / ✗$/)
  assert.match(confidentLine(plain, { ...object, detections: 1, label: null, correct: null }), / 0\.91 +1 detection +$/)
})

test('a usage error names the option', async () => {
  for (const [args, option] of [
    [['--rate', '0'], '--rate'],
    [['--for', '-1'], '--for'],
    [['--objects', '1.5'], '--objects'],
    [['--port', '70000'], '--port'],
    [['--brokers', 'a:1,,b:2'], '--brokers']
  ] as const) {
    const { code, stderr } = await runHierax(['demo', ...args])
    assert.equal(code, 2, stderr)
    assert.ok(stderr.includes(option), stderr)
  }
})
