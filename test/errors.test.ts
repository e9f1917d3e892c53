import assert from 'node:assert/strict'
import { before, describe, it, test } from 'node:test'
import { describeError, type ErrorCode, errorTable, HieraxError, nearest } from '../src/errors.ts'

test('the nearest name needs the fewest letters inserted, left out or replaced; case does not count', () => {
  assert.equal(nearest('kitten', ['mitre', 'sitting', 'kitchen']), 'kitchen')
  assert.equal(nearest('SNIA', ['CC', 'SN Ia', 'TDE']), 'SN Ia')
  assert.equal(nearest('', ['long', 'x']), 'x')
  assert.equal(nearest('ab', ['ba', 'b']), 'b')
  assert.equal(nearest('aa', ['ab', 'ba']), 'ab', 'the first of equals')
  assert.equal(nearest('x'.repeat(1e6), ['a', 'xx']), 'xx')
})

/* CONTRIBUTING's recipe for an error: one entry in the table, and all that reports errors knows it. */
describe('an error that is added to the table', () => {
  const remedy = 'Send it back.'
  const code = 'UPSIDE_DOWN' as ErrorCode
  // As if it stood there: what reads the table when it is loaded is loaded after it.
  before(() => void Object.assign(errorTable, { [code]: { kind: 'alert', status: 422, remedy } }))

  it('is reported with its kind, status and remedy', async () => {
    const error = new HieraxError(code, 'the packet is upside down')
    assert.deepEqual([error.kind, error.status, error.remedy], ['alert', 422, remedy])
    assert.equal(describeError(error), `hierax: UPSIDE_DOWN: the packet is upside down. ${remedy}`)
  })

  it('shows control characters escaped, whatever was quoted, and keeps lines', () => {
    const error = new HieraxError('DATA_INVALID', 'first \u001b]0;title\u0007 \u202ereversed\nsecond\u009b31m')
    assert.equal(error.message, 'first \\u001b]0;title\\u0007 \\u202ereversed\nsecond\\u009b31m')
  })

  it('is the code of a dead letter and of its metric', async () => {
    const { deadLetterMessage } = await import('../src/messages/outgoing.ts')
    const { Metrics } = await import('../src/telemetry/metrics.ts')
    const message = { topic: 't', source: 't/0/0', value: Buffer.of(1), ingested: 1 }
    const { headers } = deadLetterMessage(message, new HieraxError(code, 'the packet is upside down'), {
      classifications: 'all',
      deadLetters: 'refused',
      encoding: 'json',
      routes: []
    })
    assert.equal(headers['error.code'], code)
    assert.equal(headers['error.message'], `the packet is upside down. ${remedy}`)
    const text = await new Metrics({ process: false }).text()
    assert.ok(text.includes(`hierax_dead_letters_total{code="${code}"} 0`))
  })

  it('is documented, and may be the code of a problem over HTTP', async () => {
    const { pages } = await import('../scripts/generate-docs.ts')
    const { problem } = await import('../src/service/schema/problems.ts')
    assert.match((await pages())['docs/errors.md'] as string, /`UPSIDE_DOWN` +\| 422 +\| Send it back\./)
    assert.equal(problem.shape.code.parse(code), code)
  })
})
