import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SureWatch } from '../../src/app/demo/sure.ts'
import { Screen } from '../../src/cli/demo-screen.ts'
import { newsLine, statusLine } from '../../src/cli/demo-text.ts'
import { hierax } from './command.ts'

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

test('the status waits for the first answers, then counts', () => {
  const { screen: plain } = screen(false)
  const watch = new SureWatch()
  assert.match(statusLine(plain, { alerts: 0, lag: 3, deadLetters: 0 }, watch, 0, 2), /waiting for the first/)
  const line = statusLine(plain, { alerts: 1234, lag: 7, deadLetters: 2 }, watch, 149.6, 8.2)
  assert.match(line, /150 alerts\/s · 1,234 alerts of 0 objects · lag 7 · 0 objects sure · 8 s · 2 dead letters/)
})

test('news say from where to where, after how many detections, and the published type', () => {
  const { screen: plain } = screen(false)
  const news = {
    objectId: 'ZTF21aagmoqw',
    node: 'SN Ia',
    path: ['Transient', 'SN Ia'],
    probability: 0.912,
    atFirst: 0.4
  }
  assert.match(
    newsLine(plain, { ...news, detections: 9 }, 'SN Ia'),
    /ZTF21aagmoqw +Transient › SN Ia +0\.40 → 0\.91 +9 detections +published: SN Ia$/
  )
  assert.match(newsLine(plain, { ...news, detections: 1 }, null), / 0\.91 +1 detection +$/)
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
