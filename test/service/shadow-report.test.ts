import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reportLines } from '../../src/cli/disagreements.ts'
import type { ShadowResult } from '../../src/pipeline/shadows.ts'
import { ShadowReport } from '../../src/service/shadow-report.ts'
import { World } from './support.ts'

const [model] = new World().shadows.models
const sha256 = model?.sha256 ?? ''

const result = (first: number, count: number): ShadowResult => ({
  sha256,
  pairs: [
    ['SN Ia', 'SN Ia', 'same', 3],
    ['SN Ia', null, 'ancestor', count]
  ],
  disagreements: Array.from({ length: count }, (_, index) => ({
    objectId: `ZTF${first + index}`,
    candid: String(first + index),
    jd: 2459000.5 + first + index,
    agreement: 'ancestor',
    live: { node: 'SN Ia', probability: 0.9 },
    shadow: { node: null, probability: null }
  })),
  skipped: { busy: 2, failed: 1 },
  seconds: 0.5
})

test('totals grow, and only the latest disagreements are kept', () => {
  const report = new ShadowReport(model ? [model] : [], 20)
  for (let batch = 0; batch < 50; batch++) report.add(result(7 * batch, 7))
  report.add({ ...result(0, 1), sha256: 'unknown' })
  const ids = report.latest(1000, () => true).map(({ objectId }) => objectId)
  assert.deepEqual(
    ids,
    Array.from({ length: 20 }, (_, back) => `ZTF${349 - back}`)
  )
  assert.equal(report.latest(3, ({ jd }) => jd < 2459000.5 + 340).length, 3)
  const [comparison] = report.comparisons()
  assert.deepEqual(
    [comparison?.alerts, comparison?.same, comparison?.ancestor, comparison?.agreement, comparison?.seconds],
    [500, 150, 350, 0.3, 25]
  )
  assert.deepEqual(comparison?.skipped, { busy: 100, failed: 50 })
  const lines = comparison ? reportLines(comparison) : []
  assert.match(lines[0] ?? '', /^candidate .* 500 alerts, agreement 0\.300$/)
  assert.match(lines[4] ?? '', /SN Ia +no prediction +350 +ancestor$/)
})

test('the route filters disagreements, and the totals by model', async t => {
  const before = Date.now()
  const world = new World()
  world.shadows.add(result(0, 7))
  const { app, close } = await world.service()
  t.after(close)
  const ask = async (query: string) => {
    const { statusCode, body } = await app.inject(`/api/v1/disagreements${query}`)
    return { statusCode, body: JSON.parse(body) }
  }
  const all = (await ask('')).body
  assert.ok(Date.parse(all.since) >= before && Date.parse(all.since) <= Date.now())
  assert.deepEqual([all.models.length, all.models[0].alerts, all.disagreements.length], [1, 10, 7])
  assert.deepEqual(all.disagreements[0].model, { name: 'candidate', version: model?.version, sha256 })
  assert.equal((await ask('?limit=2&live=SN%20Ia&agreement=ancestor&model=candidate')).body.disagreements.length, 2)
  assert.equal((await ask('?since=2459005.5')).body.disagreements.length, 2)
  assert.equal((await ask('?object=ztf3')).body.disagreements.length, 1)
  assert.equal((await ask('?shadow=CC')).body.disagreements.length, 0)
  assert.equal((await ask('?minProbability=0.5')).body.disagreements.length, 0)
  assert.equal((await ask('?model=none')).statusCode, 404)
  assert.equal((await ask('?agreement=same')).statusCode, 400)
})
