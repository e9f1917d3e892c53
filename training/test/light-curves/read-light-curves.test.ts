import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { needsShared, shared } from '../../../test/support/shared.ts'
import type { SimulatedLightCurve } from '../../src/light-curves/light-curve.ts'
import { readLightCurves } from '../../src/light-curves/read-light-curves.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'hierax-curves-'))
})
after(() => rm(folder, { recursive: true }))

async function collect(found: AsyncIterable<SimulatedLightCurve>): Promise<SimulatedLightCurve[]> {
  const curves: SimulatedLightCurve[] = []
  for await (const curve of found) curves.push(curve)
  return curves
}

async function read(content: string | Buffer, name = 'curves.jsonl') {
  const file = path.join(folder, name)
  await writeFile(file, content)
  return collect(readLightCurves(file))
}

const magnitudes = {
  id: 'ZTF20aaaaaaa',
  label: 'SN Ia',
  photometry: 'difference_mag',
  mjd: [59002.25, 59001.5, 59001.5, 59003.5, 59004.5],
  band: ['r', 'g', 'g', 'g', 'i'],
  mag: [19.12345, 20.55555, 20.1, 18.5, 20],
  err: [0.1, null, 0.2, 0.05, 0.1],
  ul: [0, 1, 0, 0, 0],
  pos: ['f', null, '1', null, 't']
}

test('difference magnitudes come sorted, one point an exposure, in single precision', async () => {
  const [curve] = await read(`${JSON.stringify(magnitudes)}\n\n`)
  const f = Math.fround
  assert.deepEqual(curve?.points, [
    { jd: 2459002, fid: 1, detection: true, positive: true, magnitude: f(20.1), error: f(0.2) },
    { jd: 2459002.75, fid: 2, detection: true, positive: false, magnitude: f(19.12345), error: f(0.1) },
    { jd: 2459004, fid: 1, detection: true, positive: true, magnitude: f(18.5), error: f(0.05) },
    { jd: 2459005, fid: 3, detection: true, positive: true, magnitude: f(20), error: f(0.1) }
  ])
})

test('difference fluxes become magnitudes with a sign, or limits', async () => {
  const fluxes = {
    id: 'x',
    photometry: 'difference_flux_uJy',
    mjd: [59000, 59001, 59002],
    band: ['g', 'g', 'g'],
    flux: [100, -100, 9],
    err: [10, 10, 2]
  }
  const [curve] = await read(gzipSync(JSON.stringify(fluxes)), 'fluxes.jsonl.gz')
  const seen = curve?.points.map(point => [
    point.detection,
    point.positive,
    Number(point.magnitude.toFixed(3)),
    Number(point.error.toFixed(3))
  ])
  // 100 μJy is 18.9 mag; 10 parts in 100 are 0.109 mag; 5 × 2 μJy is 21.4 mag.
  assert.deepEqual(seen, [
    [true, true, 18.9, 0.109],
    [true, false, 18.9, 0.109],
    [false, false, 21.4, 0]
  ])
})

test('total magnitudes of a variable star become differences of both signs from its mean flux', async () => {
  const nights = Array.from({ length: 40 }, (_, night) => night)
  const total = {
    id: 'VSX1',
    photometry: 'total_mag',
    mjd: nights.flatMap(night => [59000 + night, 59000.1 + night]),
    band: nights.flatMap(() => ['r', 'r']),
    mag: nights.flatMap(night => Array(2).fill([16, 16.5, 17, 16.4][night % 4])),
    err: nights.flatMap(() => [0.02, 0.02])
  }
  const [curve] = await read(JSON.stringify(total))
  const points = curve?.points ?? []
  assert.equal(points.length, 40)
  const flux = (magnitude: number) => 10 ** ((23.9 - magnitude) / 2.5)
  const mean = (flux(16) + flux(16.5) + flux(17) + flux(16.4)) / 4
  const [bright, , faint] = points
  assert.ok(bright?.positive && faint?.detection && !faint.positive)
  assert.ok(Math.abs(flux(bright.magnitude) - (flux(16) - mean)) < 1)
  assert.ok(Math.abs(flux(faint.magnitude) - (mean - flux(17))) < 1)
  assert.ok(points.every(point => point.detection || point.magnitude > 18))
})

test("numbers that are none, as Python's JSON has them, are missing values", async () => {
  const line =
    '{"id":"x","ra":NaN,"dec":NaN,"mjd":[59000,59001],"band":["g","g"],"mag":[20,19],"err":[NaN,0.1],"ul":[1,0]}'
  const [curve] = await read(line)
  assert.equal(curve?.points.length, 2)
  assert.equal(curve?.ra, null)
  for (const [before, after, message] of [
    ['[20,19]', '[NaN,19]', /line 1, field mag\[0\]: expected a number, got NaN; leave the point out/],
    ['[20,19]', '[20,-Infinity]', /line 1, field mag\[1\]: expected a number, got -Infinity/],
    ['[20,19]', '[null,19]', /line 1, field mag\[0\]: expected a number, got null/],
    ['[59000,59001]', '[59000,NaN]', /line 1, field mjd\[1\]: .*expected number, received NaN/],
    ['[NaN,0.1]', '[NaN,NaN]', /line 1, field err\[1\]: should be a number above 0 .*, it is NaN/]
  ] as const) {
    await assert.rejects(read(line.replace(before, after)), { code: 'DATA_INVALID', message })
  }
  const [named] = await read(line.replace('"x"', '"[NaN, 1]"'))
  assert.equal(named?.id, '[NaN, 1]')
})

test('an error that is 0 in single precision is refused, of a magnitude and of a flux', async () => {
  const line = { id: 'x', mjd: [59000], band: ['g'], mag: [20], err: [1e-300] }
  await assert.rejects(read(JSON.stringify(line)), {
    code: 'DATA_INVALID',
    message: /line 1, field err\[0\]: .*it is 1e-300, which is 0 in single precision; give the error that was measured/
  })
  const flux = { ...line, photometry: 'difference_flux_uJy', flux: [-50], mag: undefined }
  await assert.rejects(read(JSON.stringify(flux)), {
    code: 'DATA_INVALID',
    message: /line 1, field err\[0\]: .*it is 1e-300: .* 0 in single precision/
  })
})

test('a line that is no light curve is named by its number, with what is wrong', async () => {
  const good = JSON.stringify(magnitudes)
  const cases: [string, RegExp][] = [
    ['{"id": 1', /line 2: it is not valid JSON/],
    [JSON.stringify({ ...magnitudes, mjd: [1] }), /line 2, field mjd\[0\]/],
    [JSON.stringify({ ...magnitudes, mag: [1] }), /line 2, field mag: it has 1 items, mjd has 5/],
    [
      JSON.stringify({ ...magnitudes, mag: undefined }),
      /line 2, field mag: it is missing, and difference_mag needs it/
    ],
    [JSON.stringify({ ...magnitudes, band: ['z', 'g', 'g', 'g', 'g'] }), /line 2, field band\[0\]/],
    [JSON.stringify({ ...magnitudes, ul: [0, 2, 0, 0, 0] }), /line 2, field ul\[1\]/],
    [JSON.stringify({ ...magnitudes, err: [0.1, null, 1e60, 0.05, 0.1] }), /line 2, field err\[2\]: should be/],
    [JSON.stringify({ ...magnitudes, err: [0.1, null, 0.2, 0, 0.1] }), /line 2, field err\[3\]: .*above 0.*it is 0/],
    [JSON.stringify({ ...magnitudes, err: [0.1, null, 0.2, null, 0.1] }), /line 2, field err\[3\]: .*it is null/],
    [JSON.stringify({ ...magnitudes, err: [0.1, null, 0.2, 1.3, 0.1] }), /err\[3\]: .*at most 1\.2 .*it is 1\.3/],
    [JSON.stringify({ ...magnitudes, photometry: 'difference_flux_uJy', flux: [1, 1, 1e15, 1, 1] }), /field flux\[2\]/],
    [
      JSON.stringify({
        ...magnitudes,
        photometry: 'difference_flux_uJy',
        flux: [1, 1, 1, 1, 1],
        err: [1, 1, 1, 1e8, 1]
      }),
      /line 2, field err\[3\]: .*at most 7\.3e\+6 μJy, it is 100000000/
    ],
    [
      JSON.stringify({
        ...magnitudes,
        photometry: 'difference_flux_uJy',
        flux: [1, 1, 1e-3, 1, 1],
        err: Array(5).fill(1e-4)
      }),
      /line 2, field flux\[2\]: .*at least 0\.0036 μJy .*it is 0\.001/
    ]
  ]
  for (const [line, message] of cases) {
    await assert.rejects(read(`${good}\n${line}\n`), { code: 'DATA_INVALID', message })
  }
})

test('a sign that is none is refused by line and field, not taken for positive', async () => {
  const lines = ['t', '1', 'f', '0', null].map(sign => ({ ...magnitudes, pos: ['t', null, sign, null, 't'] }))
  assert.equal((await read(lines.map(line => JSON.stringify(line)).join('\n'))).length, lines.length)
  for (const sign of ['-1', 'T', '', 'true', -1, 1]) {
    const line = JSON.stringify({ ...magnitudes, pos: [sign, null, '1', null, 't'] })
    const expected = { code: 'DATA_INVALID', message: /curves\.jsonl, line 1, field pos\[0\]: / }
    await assert.rejects(read(line), expected)
  }
})

test('magnitudes that stand for "none" are refused as measurements, also as limits', async () => {
  for (const [value, ul] of [
    [-999, 0],
    [99, 0],
    [-2.01, 0],
    [30.01, 0],
    [40.01, 1],
    [-10.01, 1],
    [-1006.9, 1],
    [4.99, 1]
  ] as const) {
    const line = JSON.stringify({
      ...magnitudes,
      mag: [19, value, 20, 18, 19],
      err: [0.1, 0.1, 0.2, 0.1, 0.1],
      ul: [0, ul, 0, 0, 0]
    })
    const wanted = ul === 1 ? 'the magnitude of an upper limit from 5 to 30' : 'a magnitude from -2 to 30'
    const message = new RegExp(`line 1, field mag\\[1\\]: should be ${wanted}, it is ${value}`)
    await assert.rejects(read(line), { code: 'DATA_INVALID', message })
  }
})

test('a missing or damaged file is named', async () => {
  for (const name of ['missing.jsonl', 'missing.jsonl.gz']) {
    const file = path.join(folder, name)
    const message = new RegExp(`${name} does not exist`)
    await assert.rejects(collect(readLightCurves(file)), { code: 'INPUT_NOT_FOUND', message })
  }
  await assert.rejects(read('not gzip', 'bad.jsonl.gz'), {
    code: 'DATA_INVALID',
    message: /bad\.jsonl\.gz: its name ends in \.gz, but it is not compressed by gzip; rename it, or compress it$/
  })
})

test('the bundled examples: every point is sound, and sources and classes are as their page says', async () => {
  const curves = await collect(readLightCurves())
  assert.equal(curves.length, 44)
  assert.equal(new Set(curves.map(curve => curve.id)).size, 44)
  for (const { id, source, points } of curves) {
    assert.match(source, /^(HSE_ANTARES|ztf-dr-vars|fink_\w+)$/, id)
    assert.ok(points.length >= 5 && points.length <= 60, id)
    for (const point of points) {
      assert.ok(point.magnitude > 8 && point.magnitude < 23, `${id}: magnitude ${point.magnitude}`)
      assert.ok(point.detection ? point.error > 0 && point.error < 1 : point.error === 0, `${id}: error ${point.error}`)
    }
  }
  const labels = new Set(curves.map(curve => curve.label))
  for (const label of [
    'SN Ia',
    'SN II',
    'SN IIn',
    'SN Ib',
    'SN Ic',
    'SLSN-I',
    'TDE',
    'QSO',
    'nova',
    'CV',
    'RRAB',
    'CEP',
    'HADS',
    'EB'
  ]) {
    assert.ok(labels.has(label), label)
  }
})

test('every light curve of the real collection can be read', needsShared(), async () => {
  let curves = 0
  for await (const { id, points } of readLightCurves(path.join(shared, 'lightcurves/labelled.jsonl.gz'))) {
    curves += 1
    for (const [index, point] of points.entries()) {
      assert.ok(Number.isFinite(point.magnitude) && point.jd >= (points[index - 1]?.jd ?? 0), id)
    }
  }
  assert.equal(curves, 8042)
})
