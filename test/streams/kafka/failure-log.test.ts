import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FailureLog } from '../../../src/streams/kafka/failure-log.ts'
import { recorder } from '../../support/loggers.ts'

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
