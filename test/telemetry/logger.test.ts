import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HieraxError, printable } from '../../src/errors.ts'
import { createLogger, type LoggerOptions } from '../../src/telemetry/logger.ts'

function logged(options: LoggerOptions, act: (logger: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = []
  act(createLogger({ ...options, stream: { write: line => void lines.push(line) } }))
  return lines
}

describe('logger', () => {
  it('writes one JSON object a line', () => {
    const lines = logged({ base: { worker: 2 } }, logger => logger.info({ topic: 'ztf' }, 'subscribed\nto "it"'))
    assert.equal(lines.length, 1)
    assert.equal(lines[0]?.trimEnd().includes('\n'), false)
    const line = JSON.parse(lines[0] as string)
    assert.equal(line.level, 'info')
    assert.equal(line.topic, 'ztf')
    assert.equal(line.worker, 2)
    assert.equal(line.msg, 'subscribed\nto "it"')
    assert.match(line.time, /^\d{4}-\d\d-\d\dT.*Z$/)
  })

  it('keeps silent below its level', () => {
    const act = (logger: ReturnType<typeof createLogger>) => {
      logger.info('quiet')
      logger.warn('loud')
    }
    assert.equal(logged({ level: 'warn' }, act).length, 1)
    assert.equal(logged({ level: 'silent' }, act).length, 0)
  })

  it('shows an error with its code', () => {
    const [line] = logged({}, logger => logger.error(new HieraxError('STORE_FAILED', 'disk is full'), 'stopped'))
    const { err, msg } = JSON.parse(line as string)
    assert.equal(err.code, 'STORE_FAILED')
    assert.match(err.message, /disk is full/)
    assert.equal(msg, 'stopped')
  })

  it('never writes secrets', () => {
    const secrets = { token: 'hunter2', input: { sasl: { password: 'hunter2' } }, http: { token: 'hunter2' } }
    const [line] = logged({}, logger => logger.info(secrets, 'started'))
    assert.ok(line && !line.includes('hunter2'), line)
  })

  it('lets no name steer the terminal', () => {
    const lines = logged({ pretty: true }, logger =>
      logger.info({ id: '\u001b[2Jx\n' }, 'object \u001b[2J\nforged: INFO')
    )
    const text = lines.join('')
    assert.ok(!text.includes('\u001b[2J'), text)
    assert.ok(!text.includes('\nforged'), text)
    assert.match(text, /object \\u001b\[2J\\u000aforged/)
  })
})

describe('printable', () => {
  it('leaves ordinary text alone', () => {
    assert.equal(printable('ZTF18abc — δ ✓ 🔭'), 'ZTF18abc — δ ✓ 🔭')
  })

  it('escapes what is not shown', () => {
    assert.equal(printable('a\tb\u202ec\u0085\u007f'), 'a\\u0009b\\u202ec\\u0085\\u007f')
  })
})
