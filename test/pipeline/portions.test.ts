import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Addition } from '../../src/lightcurves/store.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { alertOf, bench, messages } from '../support/pipeline.ts'

describe('small packets that hold much', () => {
  test('a batch of them is taken in portions: one is stored and sent before all are decoded', async () => {
    const order: string[] = []
    class Watched extends MemoryStore {
      override async merge(additions: readonly Addition[]) {
        order.push('merge')
        return await super.merge(additions)
      }
    }
    const history = Array.from({ length: 5000 }, (_, index) => ({
      programId: 1,
      observation: detectionAt(2458000.5 + index / 10, { own: false })
    }))
    let object = 0
    const { pipeline, sent } = bench({
      store: new Watched(),
      decode: () => {
        order.push('decode')
        return [alertOf(`ZTF${object++}`, detectionAt(2459000.5), { history })]
      }
    })
    await pipeline.process(messages(Array.from({ length: 20 }, () => 'packet')))
    assert.equal(order.filter(step => step === 'decode').length, 20)
    const firstMerge = order.indexOf('merge')
    assert.ok(firstMerge < 8, `${firstMerge} packets were decoded before the first was stored`)
    assert.equal(new Set(sent.map(({ key }) => key)).size, 20, 'and every one is answered')
  })

  test('a packet with a thousand alerts of one object lets others have their turns', async () => {
    const alerts = Array.from({ length: 1000 }, (_, index) => alertOf('ZTF', detectionAt(2459000.5 + index)))
    const { pipeline, sent } = bench({ decode: () => alerts })
    let longest = 0
    let last = process.cpuUsage()
    const turn = (): void => {
      const { user, system } = process.cpuUsage(last)
      longest = Math.max(longest, (user + system) / 1000)
      last = process.cpuUsage()
      timer = setTimeout(turn, 1)
    }
    let timer = setTimeout(turn, 1)
    const before = process.cpuUsage()
    await pipeline.process(messages(['packet']))
    clearTimeout(timer)
    const { user, system } = process.cpuUsage(before)
    assert.equal(sent.length, 1000)
    // Whatever the machine: the work is done in many turns.
    assert.ok(longest < (user + system) / 2000 + 60, `${longest} ms of ${(user + system) / 1000} were one turn`)
  })
})
