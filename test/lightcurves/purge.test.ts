import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LightCurve } from '../../src/lightcurves/curve/light-curve.ts'
import { mergeObservations } from '../../src/lightcurves/curve/merge.ts'
import type { AlertRecord, Observation } from '../../src/lightcurves/points/observation.ts'
import { pointsByProgram, purgedState } from '../../src/lightcurves/purge.ts'
import { encodeRecord } from '../../src/lightcurves/records/object-record.ts'
import type { ObjectState } from '../../src/lightcurves/store.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { detectionAt, observation, observations } from './observations.ts'

const alert = (day: number, programId: number): AlertRecord => ({
  candid: BigInt(day),
  jd: 2459000.5 + day,
  ra: 10,
  dec: -5,
  programId,
  photometry: null
})

const stateOf = (changes: Partial<ObjectState> = {}): ObjectState => ({
  objectId: 'A',
  curve: LightCurve.empty,
  newest: null,
  newestAdmitted: null,
  newestVersions: [],
  admittedVersions: [],
  routes: [],
  ...changes
})

const point = (day: number, program?: number): Observation =>
  detectionAt(2459000.5 + day, program === undefined ? {} : { program })
const curveOf = (...points: Observation[]): LightCurve => mergeObservations(LightCurve.empty, points)
const plan = { programs: [2, 3], unknown: false }

describe('the programme of a point', () => {
  test('is the greatest that any packet has, known over unknown; that of a limit does not count for a detection', () => {
    fc.assert(
      fc.property(
        fc
          .array(observation, { minLength: 1, maxLength: 12 })
          .map(list => list.map(o => ({ ...o, jd: 2459000.5, fid: 1 as const }))),
        list => {
          const { detection } = curveOf(...list).at(0)
          const alike = list.filter(o => o.detection === detection)
          const known = alike.flatMap(({ program }) => (program === undefined ? [] : [program]))
          const expected = known.length > 0 ? Math.max(...known) : undefined
          assert.equal(curveOf(...list).at(0).program, expected)
        }
      )
    )
  })

  test('changes neither fingerprint nor revision', () => {
    fc.assert(
      fc.property(observations, list => {
        const without = list.map(({ program: _, ...rest }) => rest)
        assert.deepEqual(curveOf(...list).totals, curveOf(...without).totals)
      })
    )
  })

  test('is unknown if it has no place', () => {
    assert.deepEqual(
      [...pointsByProgram(curveOf(point(1, 0), point(2, 62), point(3, 63), point(4)))],
      [
        [0, 1],
        [62, 1],
        [null, 2]
      ]
    )
  })
})

describe('a purge', () => {
  test('leaves what there would be without the points of its programmes, byte for byte', () => {
    const ofExposure = ({ jd, fid, ...rest }: Observation): Observation => ({
      ...rest,
      jd,
      fid,
      program: 1 + ((Math.round(3 * (jd - 2459000.5)) + fid) % 3)
    })
    fc.assert(
      fc.property(observations, list => {
        const all = list.map(ofExposure)
        const newest = alert(1, 1)
        const purged = purgedState(stateOf({ curve: curveOf(...all), newest, newestAdmitted: newest }), plan)
        const rest = curveOf(...all.filter(({ program }) => program === 1))
        const expected = stateOf({ curve: rest, newest, newestAdmitted: newest })
        assert.deepEqual(encodeRecord(purged as ObjectState, 0), encodeRecord(expected, 0))
      })
    )
  })

  test('changes nothing in a state that has nothing of its programmes, nor when it is repeated', () => {
    const state = stateOf({ curve: curveOf(point(1, 1), point(2)), newest: alert(1, 1) })
    assert.equal(purgedState(state, plan), state)
    const mixed = stateOf({ curve: curveOf(point(1, 1), point(2, 3)), newest: alert(2, 3) })
    const purged = purgedState(mixed, plan) as ObjectState
    assert.equal(purged.curve.length, 1)
    assert.equal(purgedState(purged, plan), purged)
  })

  test('removes points of unknown programme only on request', () => {
    const state = stateOf({ curve: curveOf(point(1, 1), point(2), point(3, 2)) })
    const left = (unknown: boolean) => [
      ...pointsByProgram((purgedState(state, { ...plan, unknown }) as ObjectState).curve).keys()
    ]
    assert.deepEqual([left(false), left(true)], [[1, null], [1]])
  })

  test('removes alerts of its programmes: the newest admitted one becomes the newest, or there is none', () => {
    const curve = curveOf(point(1, 1))
    const [older, newer] = [alert(1, 1), alert(2, 2)]
    const both = { newestVersions: [5n, 6n], admittedVersions: [7n, 8n] }
    const newestGoes = purgedState(stateOf({ curve, newest: newer, newestAdmitted: older, ...both }), plan)
    assert.deepEqual([newestGoes?.newest, newestGoes?.newestVersions], [older, [7n, 8n]])
    assert.deepEqual([newestGoes?.newestAdmitted, newestGoes?.admittedVersions], [older, [7n, 8n]])
    const bothGo = purgedState(stateOf({ curve, newest: newer, newestAdmitted: newer, ...both }), plan)
    assert.deepEqual([bothGo?.newest, bothGo?.newestVersions], [null, []])
    assert.deepEqual([bothGo?.newestAdmitted, bothGo?.admittedVersions], [null, []])
    const admittedGoes = purgedState(stateOf({ curve, newest: alert(3, 1), newestAdmitted: newer, ...both }), plan)
    assert.deepEqual([admittedGoes?.newest?.jd, admittedGoes?.newestVersions], [alert(3, 1).jd, [5n, 6n]])
    assert.equal(admittedGoes?.newestAdmitted, null)
  })

  test('leaves the next answer to decide about topics of retracting routes', async () => {
    const mark = { topic: 1n, model: 2n, jd: 2459009.5, candid: 9n, revision: 40 }
    const state = stateOf({
      curve: curveOf(point(1, 1), point(2, 2)),
      routes: [
        { ...mark, on: true },
        { ...mark, topic: 3n, on: false }
      ]
    })
    const routes = [{ topic: 1n, model: 2n, jd: 0, candid: 0n, revision: 0, on: true }]
    const purged = purgedState(state, plan) as ObjectState
    assert.deepEqual(purged.routes, routes)
    const store = new MemoryStore()
    await store.merge([{ objectId: 'A', observations: [], alerts: [], records: [encodeRecord(purged, 0)] }])
    const off = { ...mark, jd: 2459001.5, revision: 3, on: false }
    const [after] = await store.merge([{ objectId: 'A', observations: [], alerts: [], routes: [off] }])
    assert.deepEqual(after?.routes, [off])
  })

  test('removes an object of which nothing is left', () => {
    assert.equal(purgedState(stateOf({ curve: curveOf(point(1, 2)), newest: alert(1, 2) }), plan), null)
    assert.equal(purgedState(stateOf({ newest: alert(1, 3) }), plan), null)
    assert.notEqual(purgedState(stateOf({ curve: curveOf(point(1, 2)), newest: alert(1, 1) }), plan), null)
  })
})
