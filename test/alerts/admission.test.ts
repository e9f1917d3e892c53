import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { admissionOf, admit } from '../../src/alerts/admission.ts'
import { History } from '../../src/alerts/alert.ts'
import { createDecoder } from '../../src/alerts/decoder.ts'
import { maxProgram } from '../../src/lightcurves/points/layout.ts'
import { observation } from '../lightcurves/observations.ts'
import { candidate, container, detection, point } from './packets.ts'

const { decode } = createDecoder()
const gates = { minRealBogus: 0.2, maxSolarSystemDistance: 5, minDetections: 1 }
const of = (programs: number[], publicPrograms: number[]) =>
  admissionOf({ input: { programs, publicPrograms }, admit: gates })

test('of a programme that is public in part, points are admitted from topics of the public part only', () => {
  const points = [point({ programid: 2 }), detection({ jd: 2458999.5, programid: 3 }), point({ jd: 2458997.5 })]
  const [alert] = decode(container({ candidate: candidate({ programid: 3 }), prv_candidates: points }))
  const admission = of([1], [3])
  assert.deepEqual(admission.programs, [1, 3])
  const from = (topic: string, settings = admission) => {
    const { observations, record, rejection, droppedPoints } = admit(alert!, settings, topic)
    return [[...observations].map(({ jd }) => jd), record.photometry !== null, rejection, droppedPoints]
  }
  const all = [[2458999.5, 2458997.5, 2459000.5], true, null, 1]
  const publicOnly = [[2458997.5], false, 'PROGRAM', 3]
  assert.deepEqual(from('ztf_20250101_programid3_public'), all)
  assert.deepEqual(from('mirror.ztf_20250101_programid3_public'), all)
  for (const topic of ['', 'files', 'ztf_20250101_programid3', 'ztf_20250101_programid2_public', 'programid3_public_'])
    assert.deepEqual(from(topic), publicOnly, topic)
  assert.deepEqual(from('ztf_20250101_programid3_public', of([1], [])), publicOnly)
  assert.deepEqual(from('ztf_20250101_programid3', of([1, 3], [3])), all)
})

test('of a history, the points of admitted programmes stay in their order, with their programme', () => {
  const program = fc.constantFrom(null, -1, 0, 1, 2, 3, 62, 63, 64)
  const point = fc.tuple(observation, program).map(([{ program: _, ...rest }, programId]) => ({
    programId,
    observation: { ...rest, own: false }
  }))
  const [template] = decode(container())
  const settings = fc.uniqueArray(fc.constantFrom<number>(-1, 0, 1, 2, 63, 64), { maxLength: 4 })
  fc.assert(
    fc.property(fc.array(point, { maxLength: 30 }), settings, (history, programs) => {
      const alert = { ...template!, history: History.of(history) }
      const { observations, droppedPoints } = admit(alert, of(programs, []))
      const own = { programId: 1, observation: alert.observation }
      const expected = [...history, own]
        .filter(({ programId }) => programId !== null && programs.includes(programId))
        .map(({ programId, observation }) =>
          Number(programId) < 0 || Number(programId) > maxProgram ? observation : { ...observation, program: programId }
        )
      assert.deepEqual([...observations], expected)
      assert.equal(droppedPoints, history.length + 1 - expected.length)
    })
  )
})
