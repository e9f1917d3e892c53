import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CoreCredit, limitCores } from '../../src/bench/scale/core-share.ts'
import { cpuSecondsOf } from '../../src/bench/service/cpu-time.ts'

test('a process that is always busy gets its share of a core, and one that waited catches up on a tenth of a second', () => {
  for (const share of [0.05, 0.1, 0.5]) {
    const credit = new CoreCredit(share, 7)
    let used = 7
    const busy = (seconds: number) => {
      const before = used
      for (let at = 0; at < seconds * 100; at++) if (credit.mayRun(0.01, used)) used += 0.01
      return used - before
    }
    assert.ok(Math.abs(busy(20) - 20 * share) < 0.05)
    for (let at = 0; at < 1000; at++) credit.mayRun(0.01, used)
    assert.ok(busy(1) < share + 0.15, 'ten seconds of waiting are not made up for')
  }
})

test('a real process is held to its share, and runs freely again afterwards', {
  skip: process.platform !== 'linux'
}, async () => {
  const child = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
  try {
    const pid = child.pid as number
    const release = limitCores([pid], 0.05)
    const [before, began] = [cpuSecondsOf(pid), performance.now()]
    await sleep(4000)
    const [used, seconds] = [cpuSecondsOf(pid) - before, (performance.now() - began) / 1000]
    release()
    assert.ok(used < 0.25 * seconds, `${used} s of CPU time in ${seconds} s`)
    const held = cpuSecondsOf(pid)
    while (cpuSecondsOf(pid) < held + 0.5) await sleep(20)
  } finally {
    child.kill('SIGKILL')
    await once(child, 'close')
  }
})
