import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { Profiler } from 'node:inspector'
import path from 'node:path'
import { test } from 'node:test'
import { kafka } from '../../../test/support/brokers.ts'
import { fromSource } from '../../../test/support/from-source.ts'
import { root } from '../../../test/support/shared.ts'
import { byPart, flameGraph } from '../../src/bench/profile/flame-graph.ts'

const { skip, brokers } = await kafka()

test('the short benchmark has exactly the expected outcomes', { skip }, () => {
  const args = [...fromSource, path.join(root, 'tools/src/bench/bench.ts'), '--short', '--no-python', '--workers', '2']
  const env = { ...process.env, KAFKA_BROKERS: brokers.join(',') }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const report = JSON.parse(stdout)
  assert.equal(report.outcomes.ok, true)
  const phases = report.outcomes.checks.map(({ phase, alerts }: { phase: string; alerts: number }) => [phase, alerts])
  assert.deepEqual(phases, [
    ['cold', 80],
    ['one', 480],
    ['paced', 1360],
    ['several', 480]
  ])
  assert.ok(report.warm.alertsPerSecond > 0)
  assert.ok(report.paced.p99 >= report.paced.p50)
})

test('a flame graph shows each function below its caller with its share of time, and loads nothing', () => {
  const frame = (functionName: string, url: string) => ({
    functionName,
    url,
    scriptId: '1',
    lineNumber: 4,
    columnNumber: 0
  })
  const profile: Profiler.Profile = {
    nodes: [
      { id: 1, callFrame: frame('(root)', ''), children: [2, 4] },
      { id: 2, callFrame: frame('decode<T>', 'file:///x/dist/alerts/decoder.js'), children: [3] },
      { id: 3, callFrame: frame('concat', 'node:buffer') },
      { id: 4, callFrame: frame('(idle)', '') }
    ],
    startTime: 0,
    endTime: 100,
    samples: [2, 3, 3, 4],
    timeDeltas: [10, 10, 20, 60]
  }
  const page = flameGraph(profile, 'a <test>')
  assert.match(page, /a &#60;test&#62;/)
  assert.match(page, /decode&#60;T&#62; src\/alerts\/decoder\.js:5 100\.0 %/)
  assert.match(page, /concat node:buffer:5 75\.0 %/)
  assert.doesNotMatch(page, /idle|https?:/)
  assert.deepEqual(byPart(profile), [['src/alerts', 40]])
})
