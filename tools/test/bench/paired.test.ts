import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { kafka } from '../../../test/support/brokers.ts'
import { fromSource } from '../../../test/support/from-source.ts'
import { temporaryFolder } from '../../../test/support/service.ts'
import { root } from '../../../test/support/shared.ts'
import { commitOf } from '../../src/bench/paired/other-build.ts'
import { type Ratio, type Round, type Run, ratiosOf, sides } from '../../src/bench/paired/paired.ts'
import { idleShare } from '../../src/bench/service/idle-share.ts'

const broker = await kafka()
const history = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root }).status === 0
const skip = history ? broker.skip : 'needs the history of the repository'

test('another commit is built and measured by turns with this checkout, with exact counts', { skip }, t => {
  const cache = temporaryFolder()
  t.after(() => fs.rmSync(cache, { recursive: true, force: true }))
  const script = path.join(root, 'tools/src/bench/bench.ts')
  const options = ['--against', 'HEAD', '--short', '--rounds', '1', '--rate', '100']
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...fromSource, script, ...options, '--set', 'HIERAX_OUTPUT_ENCODING=json'],
    {
      cwd: root,
      env: { ...process.env, KAFKA_BROKERS: broker.brokers.join(','), XDG_CACHE_HOME: cache },
      encoding: 'utf8'
    }
  )
  assert.equal(status, 0, stderr)
  const report = JSON.parse(stdout) as { rounds: Round[]; ratios: Record<keyof Run, Ratio> }
  const [round, ...more] = report.rounds
  assert.ok(round !== undefined && more.length === 0, stdout)
  for (const side of sides) {
    const { microsecondsOfCpuPerAlert, alertsPerSecond, peakMegabytes, p99 } = round[side]
    for (const measured of [microsecondsOfCpuPerAlert, alertsPerSecond, peakMegabytes, p99])
      assert.ok(measured !== null && measured > 0, `${side}: ${JSON.stringify(round[side])}`)
  }
  for (const { ofMedians, least, greatest } of [report.ratios.microsecondsOfCpuPerAlert, report.ratios.p99]) {
    assert.ok(ofMedians > 0)
    assert.deepEqual([least, greatest], [ofMedians, ofMedians])
  }
})

test('a commit that is not in the history, and a copy without history, are usage errors', t => {
  const refused = (name: string) => assert.throws(() => commitOf(name), { code: 'USAGE', message: /--against no-such/ })
  refused('no-such-commit')
  const before = process.env.GIT_DIR
  t.after(() => {
    if (before === undefined) delete process.env.GIT_DIR
    else process.env.GIT_DIR = before
  })
  process.env.GIT_DIR = path.join(root, 'no-such-folder')
  refused('no-such-folder')
})

test('the ratio is that of the medians, between the ratios within the rounds', () => {
  const run = (microsecondsOfCpuPerAlert: number, p99: number | null): Run => ({
    microsecondsOfCpuPerAlert,
    alertsPerSecond: 1000,
    mainThreadIdleShare: 0,
    peakMegabytes: 300,
    p99
  })
  const rounds = [
    { this: run(200, 50), other: run(400, 40) },
    { this: run(300, null), other: run(400, 40) },
    { this: run(900, 50), other: run(600, 40) }
  ]
  const { microsecondsOfCpuPerAlert, peakMegabytes, mainThreadIdleShare, p99 } = ratiosOf(rounds)
  assert.deepEqual(microsecondsOfCpuPerAlert, { ofMedians: 0.75, least: 0.5, greatest: 1.5 })
  assert.deepEqual(peakMegabytes, { ofMedians: 1, least: 1, greatest: 1 })
  assert.equal(mainThreadIdleShare, null)
  assert.equal(p99, null)
})

test('the idle share of a main thread is that between two moments', t => {
  const folder = temporaryFolder()
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'idle')
  assert.equal(idleShare(file, 0, 1), null)
  fs.writeFileSync(file, '1000 500 0\n1100 580 20\n1200 600 100\n')
  assert.equal(idleShare(file, 1000, 1100), 0.8)
  assert.equal(idleShare(file, 1000, 1200), 0.5)
  assert.equal(idleShare(file, 1050, 1100), 0.8)
})
