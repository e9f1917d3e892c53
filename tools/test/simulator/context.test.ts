import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { SimulatedLightCurve, SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { type Family, families, familyOf } from '../../src/simulator/family.ts'
import { contextOf } from '../../src/simulator/family-context.ts'
import { Simulation, type SimulationOptions } from '../../src/simulator/simulate.ts'
import { type PlainRecord, readRecord } from './container.ts'

const small = { cutoutBytes: 0 } as const
const labels: Readonly<Record<Family, string>> = {
  supernova: 'SN Ia',
  tde: 'TDE',
  agn: 'QSO',
  nova: 'nova',
  cv: 'CV',
  periodic: 'RRAB',
  'long-period': 'Mira',
  'young-star': 'YSO',
  'flare-star': 'UV',
  asteroid: 'asteroid',
  bogus: 'bogus',
  unknown: 'unknown'
}

/** A light curve with detections and upper limits in turn. */
function curve(label: string, quality: Partial<SimulatedPoint> = {}): SimulatedLightCurve {
  const points = Array.from({ length: 12 }, (_, at): SimulatedPoint => {
    const detection = at % 3 !== 0
    const common = { jd: 2460000 + at * 2.5, fid: at % 2 === 0 ? 1 : 2, magnitude: 19, positive: detection } as const
    return detection
      ? { ...common, detection, error: Math.fround(0.1), ...quality }
      : { ...common, detection, error: 0 }
  })
  return { id: 'x', label, source: 'test', ra: null, dec: null, points }
}

/** Packets of many objects of one light curve, by object. */
function objects(one: SimulatedLightCurve, count: number, options: SimulationOptions = {}): PlainRecord[][] {
  const found = new Map<string, PlainRecord[]>()
  for (const { objectId, bytes } of new Simulation([one], { ...small, objects: count, ...options })) {
    found.set(objectId, [...(found.get(objectId) ?? []), readRecord(bytes)])
  }
  return [...found.values()]
}

const value = (record: PlainRecord | undefined, name: string) => record?.candidate[name] as number
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

describe('context of simulated packets', () => {
  const byFamily = new Map<Family, PlainRecord[][]>()
  before(() => {
    for (const family of families) byFamily.set(family, objects(curve(labels[family]), 80))
  })

  test('published types are mapped to families', () => {
    for (const family of families) assert.equal(familyOf(labels[family]), family)
    const others = {
      'SN Iax[02cx-like]': 'supernova',
      LRN: 'supernova',
      Nova: 'nova',
      NL: 'cv',
      UGSU: 'cv',
      EA: 'periodic',
      R: 'periodic',
      SRB: 'long-period',
      BLLac: 'agn',
      'AGN/QSO': 'agn',
      RRL: 'periodic',
      TTS: 'young-star',
      Galaxy: 'unknown'
    } as const
    for (const [label, family] of Object.entries(others)) assert.equal(familyOf(label), family, label)
  })

  test('variable stars match stars, supernovae are beside galaxies, minor planets match nothing', () => {
    const share = (family: Family, holds: (record: PlainRecord) => boolean) => {
      const all = byFamily.get(family) ?? []
      return all.filter(([first]) => first && holds(first)).length / all.length
    }
    const onStar = (record: PlainRecord) => value(record, 'distpsnr1') < 1.5 && value(record, 'sgscore1') > 0.76
    const onSource = (record: PlainRecord) => value(record, 'distpsnr1') < 1.2
    for (const family of ['periodic', 'young-star', 'cv', 'agn'] as const)
      assert.ok(share(family, onStar) > 0.65, family)
    for (const family of ['supernova', 'asteroid', 'unknown'] as const) assert.ok(share(family, onStar) < 0.15, family)
    assert.ok(share('tde', onSource) > 0.9)
    assert.ok(share('supernova', onSource) > 0.1 && share('supernova', onSource) < 0.35)
    const red = (family: Family) =>
      median((byFamily.get(family) ?? []).map(([first]) => value(first, 'srmag1') - value(first, 'simag1')))
    assert.ok(red('long-period') > red('periodic') + 0.8)
  })

  test('medians lie within the distributions of the family', () => {
    for (const [family, all] of byFamily) {
      const { counterpart, on, off } = contextOf(family)
      const expected = counterpart > 0.5 ? on : off
      const [low, , , , high] = expected.distance
      const found = median(all.map(([first]) => value(first, 'distpsnr1')))
      assert.ok(found > low && found < high, `${family}: ${found}`)
    }
  })

  test('the context of an object is constant: catalogue values are equal, distances scatter by hundredths of an arcsec', () => {
    for (const [family, all] of byFamily) {
      for (const packets of all.slice(0, 30)) {
        for (const name of ['sgscore1', 'srmag1', 'maggaia', 'sgscore2', 'maggaiabright']) {
          assert.equal(new Set(packets.map(packet => value(packet, name))).size, 1, `${family} ${name}`)
        }
        for (const name of ['distpsnr1', 'distpsnr2', 'neargaia', 'neargaiabright']) {
          const values = packets.map(packet => value(packet, name))
          assert.ok(Math.max(...values) - Math.min(...values) < 0.4, `${family} ${name} ${values}`)
          assert.ok(values.every(one => one >= 0) || values.every(one => one === -999))
        }
        for (const fid of [1, 2]) {
          const band = packets.filter(packet => packet.candidate.fid === fid)
          assert.equal(new Set(band.map(packet => value(packet, 'magnr'))).size, 1)
          const distances = band.map(packet => value(packet, 'distnr'))
          assert.ok(Math.max(...distances) - Math.min(...distances) < 0.4, `${family} ${distances}`)
        }
      }
    }
  })

  test('the history of variables starts before the light curve, and grows with it', () => {
    const before = new Map<Family, number>()
    for (const [family, all] of byFamily) {
      for (const packets of all) {
        const starts = packets.map(packet => value(packet, 'jdstarthist'))
        const detections = packets.map(packet => value(packet, 'ndethist'))
        const exposures = packets.map(packet => value(packet, 'ncovhist'))
        const first = packets[0]?.candidate.jd as number
        assert.equal(new Set(starts).size, 1)
        const start = starts[0] as number
        assert.ok(start <= first && start > 2458000)
        assert.ok(start < first ? (detections[0] as number) > 1 : detections[0] === 1)
        for (const [at, count] of detections.entries()) {
          assert.equal(count, (detections[0] as number) + at)
          assert.ok((exposures[at] as number) >= count)
          assert.ok(at === 0 || (exposures[at] as number) > (exposures[at - 1] as number))
        }
        if (start < first) before.set(family, (before.get(family) ?? 0) + 1 / all.length)
      }
    }
    for (const family of ['periodic', 'long-period', 'cv', 'young-star'] as const)
      assert.ok((before.get(family) ?? 0) > 0.85)
    for (const family of ['supernova', 'tde', 'asteroid'] as const) assert.ok((before.get(family) ?? 0) < 0.2)
    assert.equal(before.get('unknown') ?? 0, 0)
  })
})

describe('refused detections', () => {
  test('bogus detections have a low score in their packet, and rb in later histories', () => {
    for (const packets of objects(curve('bogus', { refused: 'bogus' }), 20)) {
      for (const packet of packets) {
        assert.ok(value(packet, 'drb') < 0.2)
        assert.equal(value(packet, 'ssdistnr'), -999)
        for (const point of packet.prv_candidates ?? [])
          assert.equal(typeof point.rb, point.magpsf === null ? 'object' : 'number')
      }
    }
  })

  test('minor planets are named, also in later histories; other histories lack these fields', () => {
    for (const packets of objects(curve('asteroid', { refused: 'solar-system' }), 20)) {
      for (const { candidate, prv_candidates: history } of packets) {
        assert.ok(
          (candidate.ssdistnr as number) >= 0 && (candidate.ssdistnr as number) <= 5 && (candidate.drb as number) > 0.9
        )
        assert.match(String(candidate.ssnamenr), /^\d+$/)
        for (const point of history ?? []) assert.equal(point.ssdistnr === null, point.magpsf === null)
      }
    }
    for (const packets of objects(curve('RRAB'), 5)) {
      for (const { candidate, prv_candidates: history } of packets) {
        assert.deepEqual([candidate.ssdistnr, candidate.ssnamenr], [-999, 'null'])
        for (const point of history ?? []) assert.deepEqual([point.ssdistnr, point.ssnamenr], [null, null])
      }
    }
  })

  test('added ones change only counts and histories of the other packets', () => {
    const one = curve('SN Ia')
    const plain = [...new Simulation([one], { ...small, objects: 30 })]
    const mixed = [...new Simulation([one], { ...small, objects: 30, refused: { bogus: 0.3, solarSystem: 0.2 } })]
    const refused = mixed.filter(packet => packet.refused !== null)
    const kinds = refused.map(packet => packet.refused)
    assert.ok(
      kinds.filter(kind => kind === 'bogus').length > 40 && kinds.filter(kind => kind === 'solar-system').length > 25
    )
    assert.equal(new Set(mixed.map(packet => packet.candid)).size, mixed.length)
    const kept = new Map(mixed.map(packet => [packet.candid, readRecord(packet.bytes)]))
    assert.equal(kept.size - refused.length, plain.length)
    for (const { candid, bytes } of plain) {
      const { candidate } = readRecord(bytes)
      const other = kept.get(candid)?.candidate ?? assert.fail('an alert is missing')
      for (const name of Object.keys(candidate)) {
        if (!['ndethist', 'ncovhist', 'jdstarthist'].includes(name))
          assert.deepEqual(other[name], candidate[name], name)
      }
    }
  })
})
