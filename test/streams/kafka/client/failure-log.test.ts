import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FailureLog, RepeatedLines } from '../../../../src/streams/kafka/client/failure-log.ts'
import { recorder } from '../../../support/loggers.ts'

test('a failure that goes on is logged when it begins, when it changes, once a minute, and when it ends', () => {
  const { logger, lines } = recorder()
  const log = new FailureLog(logger)
  log.ended({}, 'works again')
  for (let second = 0; second <= 130; second++) log.failed({ reason: 'refused' }, 'waiting', second * 1000)
  log.failed({ reason: 'silent' }, 'waiting', 131_000)
  log.failed({ reason: 'silent' }, 'waiting', 132_000)
  log.ended({ brokers: ['b'] }, 'works again')
  log.ended({}, 'works again')
  assert.deepEqual(
    lines.map(({ level, fields, message }) => [level, fields, message]),
    [
      ...[1, 61, 121].map(attempts => ['warn', { reason: 'refused', attempts }, 'waiting']),
      ['warn', { reason: 'silent', attempts: 132 }, 'waiting'],
      ['info', { brokers: ['b'], attempts: 133 }, 'works again']
    ]
  )
})

test('a line that is repeated is due at once, then once a minute, with its number', () => {
  const lines = new RepeatedLines()
  const due: [number, string, number][] = []
  for (let second = 0; second <= 125; second++) {
    for (const line of ['refused', second % 30 === 0 ? 'silent' : 'refused']) {
      const times = lines.due(line, second * 1000)
      if (times !== null) due.push([second, line, times])
    }
  }
  assert.deepEqual(due, [
    [0, 'refused', 1],
    [0, 'silent', 1],
    [60, 'refused', 118],
    [60, 'silent', 2],
    [120, 'refused', 118],
    [120, 'silent', 2]
  ])
})

test('of endless different lines few are remembered', () => {
  const lines = new RepeatedLines()
  for (let line = 0; line < 10_000; line++) assert.equal(lines.due(`line ${line}`, 0), 1)
  assert.equal(lines.due('line 9999', 1), null)
  assert.equal(lines.due('line 0', 1), 1)
})
