import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AlertCutouts } from '../../src/lightcurves/cutouts.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { alertOf, bench, messages } from '../support/pipeline.ts'

const image = (name: string) => ({ cutouts: { science: Buffer.from(name) } })
const alert = (objectId: string, day: number, programId = 1) => ({
  ...alertOf(objectId, detectionAt(2459000.5 + day), { programId }),
  ...image(`${objectId}${day}`)
})

describe('images of alerts', () => {
  const alerts = new Map(
    Object.entries({
      a1: alert('A', 1),
      a2: alert('A', 2),
      a3: alert('A', 3),
      b1: alert('B', 1),
      secret: alert('C', 1, 2),
      none: { ...alert('D', 1), cutouts: {} }
    })
  )
  const kept: AlertCutouts[] = []
  const { pipeline, bodies } = bench({ alerts, keepCutouts: async given => void kept.push(...given) })
  const keptOf = async (...names: string[]): Promise<string[]> => {
    kept.length = 0
    await pipeline.process(messages(names))
    return kept.map(({ cutouts }) => String(cutouts.science))
  }

  it('are kept of the newest alert of each object', async () => {
    assert.deepEqual(await keptOf('a2', 'a1', 'b1'), ['A2', 'B1'])
    assert.deepEqual(await keptOf('a1'), [], 'a late alert')
    assert.deepEqual(await keptOf('a3'), ['A3'])
    assert.equal(kept[0]?.candid, alerts.get('a3')?.record.candid)
  })

  it('are not kept of a programme that is not admitted, nor where there are none', async () => {
    const before = bodies().length
    assert.deepEqual(await keptOf('secret', 'none'), [])
    assert.equal(bodies().length, before + 2)
  })
})
