import assert from 'node:assert/strict'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { StoreWatch } from '../../src/app/store-watch.ts'
import { partState } from '../../src/app/streams.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'

/** A watch of a store; it looks once a second. */
function watched(t: TestContext, url = 'lmdb:data') {
  t.mock.timers.enable({ apis: ['Date'] })
  const lines: { level: string; message: string; fields: Record<string, unknown> }[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: fields as Record<string, unknown> })
  const metrics = new Metrics({ process: false })
  const state = { reason: null as string | null, freeBytes: 4096 as number | null }
  const statistics = async () => {
    if (state.freeBytes === null) throw new Error('no answer')
    return { objects: 1, bytes: 1, freeBytes: state.freeBytes }
  }
  const watch = new StoreWatch({
    url,
    metrics,
    store: { statistics },
    logger: { error: at('error'), info: at('info') } as never
  })
  const checks = async (count: number) => {
    for (let each = 0; each < count; each++) {
      t.mock.timers.tick(1000)
      await watch.see(partState(state.reason))
    }
  }
  return { lines, metrics, state, checks }
}

test('one line and one count when the store can not be used, one line when it can again', async t => {
  const { lines, metrics, state, checks } = watched(t)
  await checks(3)
  assert.equal(lines.length, 0)
  state.reason = 'writes fail: no space left'
  await checks(100)
  assert.equal(lines.length, 1)
  const { level, message, fields } = lines.at(0) ?? assert.fail()
  assert.deepEqual([level, fields.reason, fields.freeBytes], ['error', state.reason, 4096])
  assert.match(message, /no space left/)
  assert.equal(fields.store, path.resolve('data'))
  state.reason = null
  await checks(2)
  state.reason = 'writes fail: no space left'
  await checks(1)
  assert.equal(lines.length, 1, 'a write that succeeds between others that fail is no end')
  state.reason = null
  await checks(10)
  assert.deepEqual(
    lines.map(({ level }) => level),
    ['error', 'info']
  )
  assert.match(await metrics.text(), /hierax_store_failures_total\{reason="writes fail: no space left"\} 1\n/)
})

test('another reason is another line; a server that does not answer needs no free bytes; secrets stay out', async t => {
  const { lines, metrics, state, checks } = watched(t, 'valkey://me:secret@store:6379/0')
  state.freeBytes = null
  state.reason = 'the server does not answer'
  await checks(2)
  state.reason = 'out of memory'
  await checks(2)
  assert.deepEqual(
    lines.map(({ fields }) => [fields.reason, fields.freeBytes]),
    [
      ['the server does not answer', null],
      ['out of memory', null]
    ]
  )
  assert.doesNotMatch(JSON.stringify(lines), /secret/)
  const text = await metrics.text()
  for (const reason of ['the server does not answer', 'out of memory'])
    assert.ok(text.includes(`hierax_store_failures_total{reason="${reason}"} 1\n`), reason)
})

test('workers that start are no trouble of the store', async t => {
  const { lines, state, checks } = watched(t)
  state.reason = 'starting workers'
  await checks(3)
  assert.deepEqual(lines, [])
})
