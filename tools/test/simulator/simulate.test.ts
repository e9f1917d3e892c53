import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { SimulatedLightCurve, SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { MemoryStore } from 'hierax/lightcurves/stores/memory.ts'
import { historyDays } from '../../src/simulator/packet.ts'
import { type SimulatedSource, Simulation } from '../../src/simulator/simulate.ts'
import { readRecord } from './container.ts'

const curves: SimulatedLightCurve[] = []
before(async () => {
  for await (const curve of readLightCurves()) curves.push(curve)
})

const small = { cutoutBytes: 0 } as const

test('decoder and store recover the simulated light curves', async () => {
  const simulation = new Simulation(curves, { ...small, objects: curves.length + 20, order: 'shuffled', seed: 3 })
  const decoder = createDecoder()
  const store = new MemoryStore()
  for (const { bytes, objectId, candid, jd } of simulation) {
    const [alert] = decoder.decode(bytes)
    assert.ok(alert)
    assert.deepEqual(
      [alert.objectId, alert.record.candid, alert.record.jd, alert.schemaVersion],
      [objectId, candid, jd, '4.02']
    )
    assert.deepEqual(alert.dropped, { future: 0, invalid: 0 })
    const observations = [alert.observation, ...alert.history.points]
    await store.merge([{ objectId, observations, alerts: [{ record: alert.record, admitted: true }] }])
  }
  let points = 0
  for (const source of simulation.sources()) {
    const state = await store.get(source.objectId)
    assert.ok(state)
    const out = Array.from({ length: state.curve.length }, (_, index) => plain(state.curve.at(index)))
    assert.deepEqual(out, source.visible.map(plain), source.objectId)
    points += out.length
  }
  assert.ok(points > 1000, `${points} points`)
})

test('packets omit only upper limits without a detection in the following 30 days', () => {
  const point = (jd: number, detection: boolean): SimulatedPoint => ({
    jd,
    fid: 1,
    detection,
    positive: detection,
    magnitude: 19,
    error: detection ? Math.fround(0.1) : 0
  })
  const [early, seen, first, last, late] = [
    point(2459000, false),
    point(2459005, false),
    point(2459033, true),
    point(2459035, true),
    point(2459036, false)
  ]
  const curve = {
    id: 'a',
    label: 'SN Ia',
    source: 'test',
    ra: null,
    dec: null,
    points: [early, seen, first, last, late] as SimulatedPoint[]
  }
  const [source] = new Simulation([curve], small).sources() as unknown as Iterable<SimulatedSource>
  assert.deepEqual(source?.visible, [seen, first, last])
})

test('histories hold the last 30 days and repeat points with six significant digits', () => {
  const seen = new Map<unknown, Record<string, unknown>>()
  let compared = 0
  for (const { bytes } of new Simulation(curves, { ...small, objects: curves.length * 2 })) {
    const { candidate, prv_candidates: history } = readRecord(bytes)
    seen.set(candidate.candid, candidate)
    for (const point of history ?? []) {
      assert.ok(point.jd < candidate.jd && point.jd >= candidate.jd - historyDays)
      const own = seen.get(point.candid)
      if (!own) {
        assert.deepEqual([point.candid, point.magpsf, point.isdiffpos], [null, null, null])
        continue
      }
      assert.equal(point.magpsf, Math.fround(Number((own.magpsf as number).toFixed(4))))
      assert.equal(point.sigmapsf, Math.fround(Number((own.sigmapsf as number).toFixed(6))))
      assert.equal(point.magnr, own.magnr)
      assert.equal(/[t1]/.test(String(point.isdiffpos)), /[t1]/.test(String(own.isdiffpos)))
      compared += 1
    }
  }
  assert.ok(compared > 1000, `${compared} points compared`)
})

test('candidate numbers are unique, packets in time order', () => {
  const packets = [...new Simulation(curves, { ...small, objects: 200 })]
  assert.equal(new Set(packets.map(packet => packet.candid)).size, packets.length)
  assert.ok(packets.every((packet, index) => packet.jd >= (packets[index - 1]?.jd ?? 0)))
  assert.equal(new Set(packets.map(packet => packet.objectId)).size, 200)
  assert.ok(packets.every(packet => /^ZTF\d\d[a-z]{7}$/.test(packet.objectId)))
  assert.ok(packets.every(packet => packet.candid > 2n ** 53n))
})

test('candidate numbers are positive 64-bit integers for many objects and dates far from the survey', () => {
  const at = (jd: number): SimulatedLightCurve => {
    const point = { jd, fid: 1, detection: true, positive: true, magnitude: 19, error: Math.fround(0.1) } as const
    return { id: `at ${jd}`, label: 'RRAB', source: 'test', ra: null, dec: null, points: [point] }
  }
  // The decoder accepts 1995 to 2132; the survey's first night is 2457754.5, and four digits end in 2044.
  const far = [2_450_400, 2_457_754, 2_457_755, 2_466_754, 2_467_755, 2_499_600].map(at)
  const decoder = createDecoder()
  const candids = new Set<bigint>()
  let packets = 0
  for (const { candid, jd, bytes } of new Simulation(far, { ...small, objects: 9000 })) {
    assert.ok(candid > 0n && candid < 2n ** 63n, `${candid} at ${jd}`)
    candids.add(candid)
    if (packets++ % 25 === 0) assert.equal(decoder.decode(bytes)[0]?.record.candid, candid)
  }
  assert.deepEqual([packets, candids.size], [9000, 9000])
})

test('the same seed gives the same bytes, another seed others; shuffling changes only the order', () => {
  const make = (options: object) => [...new Simulation(curves.slice(0, 3), options)].map(packet => packet.bytes)
  const first = make({ seed: 5 })
  assert.deepEqual(make({ seed: 5 }), first)
  const others = make({ seed: 6 })
  assert.ok(first.every((bytes, index) => !bytes.equals(others[index] as Buffer)))
  const shuffled = make({ seed: 5, order: 'shuffled' })
  assert.notDeepEqual(shuffled, first)
  assert.deepEqual(shuffled.sort(Buffer.compare), first.sort(Buffer.compare))
})

test('staggered objects start one after another, each in time order', () => {
  const packets = [...new Simulation(curves, { ...small, objects: 100, order: 'staggered' })]
  const begun = new Map<string, number>()
  const latest = new Map<string, number>()
  for (const [index, { objectId, jd }] of packets.entries()) {
    if (!begun.has(objectId)) begun.set(objectId, index)
    assert.ok(jd >= (latest.get(objectId) ?? 0), objectId)
    latest.set(objectId, jd)
  }
  const order = [...begun.keys()]
  const ids = [...new Simulation(curves, { ...small, objects: 100 }).sources()].map(source => source.objectId)
  assert.deepEqual(order, ids)
  const between = [...begun.values()].some((at, number) => number > 0 && at > number)
  assert.ok(between, 'objects overlap')
})

test('consecutive simulations share no object', () => {
  const ids = (firstObject: number) =>
    [...new Simulation(curves, { ...small, objects: 60, firstObject }).sources()].map(source => source.objectId)
  const all = [...ids(0), ...ids(60), ...ids(120)]
  assert.equal(new Set(all).size, all.length)
  assert.ok(all.slice(60).every(id => /^ZTF\d\dsim[a-z]{4}$/.test(id)))
})

test('an object does not depend on the number of objects', () => {
  const few = [...new Simulation(curves.slice(0, 2), small)]
  const many = [...new Simulation(curves.slice(0, 2), { ...small, objects: 9 })]
  const ids = new Set(few.map(packet => packet.objectId))
  assert.deepEqual(
    many.filter(packet => ids.has(packet.objectId)).map(packet => packet.bytes),
    few.map(packet => packet.bytes)
  )
})

test('cutouts are FITS images of the requested size with the source in the centre', () => {
  const bright = curves.filter(curve => curve.points.some(point => point.detection && point.magnitude < 18)).slice(0, 2)
  for (const cutoutBytes of [10_000, 40_000]) {
    const sizes: number[] = []
    for (const { bytes } of new Simulation(bright, { cutoutBytes })) {
      const record = readRecord(bytes)
      const images = [record.cutoutScience, record.cutoutTemplate, record.cutoutDifference]
      sizes.push(images.reduce((sum, image) => sum + (image?.stampData.length ?? 0), 0))
      const [science, template, difference] = images.map(image => readFits(image?.stampData))
      const middle = 31 * 63 + 31
      const { magpsf, magzpsci, isdiffpos } = record.candidate
      const sign = /[t1]/.test(String(isdiffpos)) ? 1 : -1
      const flux = 10 ** (0.4 * ((magzpsci as number) - (magpsf as number)))
      if (flux > 2000)
        assert.ok((difference?.[middle] as number) * sign > 0.04 * flux, `${difference?.[middle]} of ${flux}`)
      const residual = (science?.[middle] as number) - (template?.[middle] as number) - (difference?.[middle] as number)
      assert.ok(Math.abs(residual) < 100 + flux * 0.05, `${residual}`)
    }
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length
    assert.ok(Math.abs(mean - cutoutBytes) < 1500, `${mean} bytes for ${cutoutBytes}`)
  }
})

test('a packet with default images has the size of a real one', () => {
  const packets = [...new Simulation(curves.slice(0, 10))]
  const mean = packets.reduce((sum, packet) => sum + packet.bytes.length, 0) / packets.length
  assert.ok(mean > 68_000 && mean < 84_000, `${mean} bytes on average`)
})

test('impossible settings are usage errors', () => {
  assert.throws(() => new Simulation([], {}), { code: 'USAGE' })
  assert.throws(() => new Simulation(curves, { objects: 1e6 }), { code: 'USAGE', message: /only 1 to 21312/ })
  assert.throws(() => new Simulation(curves, { cutoutBytes: 200_000 }), { code: 'USAGE', message: /63 × 63/ })
})

/** The fields of a point that a round trip preserves. */
function plain({ jd, fid, detection, positive, magnitude, error }: SimulatedPoint) {
  return { jd, fid, detection, positive, magnitude, error }
}

/** Pixels of a gzip-compressed FITS image of 63 × 63 single-precision numbers. */
function readFits(zipped: Uint8Array | undefined): number[] {
  assert.ok(zipped)
  const file = gunzipSync(zipped)
  assert.equal(file.length % 2880, 0)
  const cards = Array.from({ length: 36 }, (_, index) => file.toString('latin1', index * 80, index * 80 + 80).trimEnd())
  assert.equal(cards[0], 'SIMPLE  =                    T')
  assert.deepEqual(
    cards.slice(1, 5).map(card => card.replaceAll(/\s+/g, '')),
    ['BITPIX=-32', 'NAXIS=2', 'NAXIS1=63', 'NAXIS2=63']
  )
  assert.ok(cards.includes('END'))
  const pixels = Array.from({ length: 63 * 63 }, (_, index) => file.readFloatBE(2880 + index * 4))
  assert.ok(pixels.every(Number.isFinite))
  return pixels
}
