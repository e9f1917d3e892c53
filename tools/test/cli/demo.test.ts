import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Screen } from 'hierax/cli/screen.ts'
import type { Classification } from 'hierax/messages/classification.ts'
import { hierax } from '../../../test/cli/command.ts'
import { newsLine, statusLine, summaryLines } from '../../src/cli/demo-text.ts'
import { SureWatch } from '../../src/demo/sure.ts'

/** A screen, and what was written to it: standard output and error in one, as a terminal shows them. */
function screen(isTTY: boolean, columns = 80): { screen: Screen; written: () => string } {
  let text = ''
  const write = (part: string | Uint8Array): boolean => {
    text += part
    return true
  }
  const stream = { isTTY, columns, write }
  return { screen: new Screen(stream, stream), written: () => text }
}

/** What a terminal shows after all that was written. */
function visible(written: string): string[] {
  return written.split('\n').map(line => line.split('\r\x1b[2K').at(-1) ?? '')
}

test('on a terminal the status stays below all else and never takes two lines', () => {
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

test('elsewhere there are lines and nothing else', () => {
  const { screen: plain, written } = screen(false)
  plain.status('status')
  plain.line(plain.styled('red', 'one'))
  plain.clear()
  assert.equal(written(), 'status\none\n')
})

const none = { alerts: 0, lag: 3, deadLetters: 0, classified: 0, refused: new Map<string, number>() }
const figures = {
  alerts: 1234,
  lag: 7,
  deadLetters: 2,
  classified: 1000,
  refused: new Map([
    ['PROGRAM', 0],
    ['BOGUS', 200],
    ['SOLAR_SYSTEM', 32]
  ])
}

/** A follower that has seen two objects become sure, one of them wrongly. */
function followed(): SureWatch {
  const watch = new SureWatch({ labelOf: id => id, isRight: label => label === 'RRAB' })
  const nodes = [{ name: 'Persistent', parent: null, conditional: 0.95, probability: 0.95 }]
  const prediction = { node: 'Persistent', probability: 0.95, path: ['Persistent'] }
  for (const objectId of ['RRAB', 'bogus']) {
    watch.see([{ objectId, prediction, nodes, lightCurve: { detections: 2 } } as unknown as Classification])
  }
  return watch
}

test('the status waits for the first answers, then counts', () => {
  const { screen: plain } = screen(false)
  assert.match(statusLine(plain, none, new SureWatch(), 0, 2), /waiting for the first/)
  const line = statusLine(plain, figures, new SureWatch(), 149.6, 8.2)
  assert.match(line, /150 alerts\/s · 1,234 alerts of 0 objects · lag 7 · 0 objects sure · 8 s · 2 dead letters/)
  assert.match(statusLine(plain, figures, followed(), 1, 8), /2 objects sure \(50\.0 % rightly\)/)
})

test('the summary counts alerts by outcome, and how often it was right', () => {
  const text = summaryLines(figures, followed(), 61).join('\n')
  assert.match(text, /^1,234 alerts of 2 objects in 61 s; the class of 2 objects became sure: Persistent 2\.$/m)
  assert.match(text, /: 1,000 classified, 200 refused as bogus, 32 beside a known minor planet\.$/m)
  assert.match(text, /^Of 2 times .* right 1 times \(50\.0 %\); wrong: bogus as Persistent 1\.$/m)
  assert.doesNotMatch(summaryLines(figures, new SureWatch(), 1).join(), /right/)
})

test('news say from where to where, after how many detections, what it was made from, and whether that is right', () => {
  const { screen: plain } = screen(false)
  const news = {
    objectId: 'ZTF21aagmoqw',
    node: 'SN Ia',
    path: ['Transient', 'SN Ia'],
    probability: 0.912,
    atFirst: 0.4,
    label: 'SN Ia',
    right: true
  }
  assert.match(
    newsLine(plain, { ...news, detections: 9 }),
    /ZTF21aagmoqw +Transient › SN Ia +0\.40 → 0\.91 +9 detections +made from: SN Ia ✓$/
  )
  assert.match(newsLine(plain, { ...news, detections: 9, right: false }), / ✗$/)
  assert.match(newsLine(plain, { ...news, detections: 1, label: null, right: null }), / 0\.91 +1 detection +$/)
})

test('wrong usage names the option', async () => {
  for (const [args, option] of [
    [['--rate', '0'], '--rate'],
    [['--for', '-1'], '--for'],
    [['--objects', '1.5'], '--objects'],
    [['--port', '70000'], '--port'],
    [['--brokers', 'a:1,,b:2'], '--brokers']
  ] as const) {
    const { code, stderr } = await hierax(['demo', ...args])
    assert.equal(code, 2, stderr)
    assert.ok(stderr.includes(option), stderr)
  }
})
