import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { needsShared, root, shared } from '../../../test/support/shared.ts'
import { type Converted, type ConvertPlan, convert } from '../../src/convert/convert.ts'
import { readLabelled } from '../../src/data/labelled.ts'
import { type MadeObject, type MadePoint, madeSupernova, writers } from './writers.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-convert-'))
after(() => rmSync(folder, { recursive: true }))

const defaults: Omit<ConvertPlan, 'files'> = {
  ...{ photometry: 'difference', sigma: 5, takeBands: [], anyQuality: false, ignore: [], rename: new Map() }
}

interface Line {
  readonly id: string
  readonly mjd: number[]
  readonly band: string[]
  readonly mag: number[]
  readonly err: (number | null)[]
  readonly ul: number[]
  readonly pos: (string | null)[]
  readonly [key: string]: unknown
}

let count = 0
function write(content: string | Buffer, name = 'table.csv'): string {
  const file = path.join(folder, `${count++}-${name}`)
  writeFileSync(file, content)
  return file
}

const run = (file: string | readonly string[], options: Partial<ConvertPlan> = {}): Promise<Converted> =>
  convert({ ...defaults, files: [file].flat(), ...options })

/** The light curves of a table, and what was reported. */
async function converted(content: string | Buffer, options: Partial<ConvertPlan> = {}, name = 'table.csv') {
  const { lines, notes } = await run(write(content, name), options)
  return { curves: lines.map((line): Line => JSON.parse(line)), notes: notes.join('\n') }
}

const refused = (content: string | Buffer, message: RegExp, options: Partial<ConvertPlan> = {}, name = 'table.csv') =>
  assert.rejects(converted(content, options, name), { code: 'DATA_INVALID', message })

/** The points that a tool's table can hold. */
function heldBy({ limits, signs }: { limits: boolean; signs: boolean }, points: readonly MadePoint[]): MadePoint[] {
  return points
    .filter(({ error }) => limits || error !== null)
    .map(point => ({ ...point, positive: signs ? point.positive : true }))
    .sort((a, b) => a.mjd - b.mjd)
}

function assertSame(line: Line | undefined, points: readonly MadePoint[], what: string): void {
  assert.ok(line, what)
  assert.equal(line.mjd.length, points.length, what)
  for (const [at, { mjd, band, mag, error, positive }] of points.entries()) {
    assert.ok(Math.abs((line.mjd[at] as number) - mjd) < 2e-7, `${what}: ${line.mjd[at]} is ${mjd}`)
    assert.equal(line.band[at], band, what)
    assert.ok(Math.abs((line.mag[at] as number) - mag) < 2e-5, `${what}: ${line.mag[at]} is ${mag}`)
    assert.equal(line.ul[at], error === null ? 1 : 0, what)
    assert.equal(line.pos[at], error === null ? null : positive ? 't' : 'f', what)
    assert.ok(error === null ? line.err[at] === null : Math.abs((line.err[at] as number) - error) < 2e-5, what)
  }
}

const point = fc.record({
  band: fc.constantFrom('g', 'r', 'i'),
  mag: fc.double({ min: 12, max: 20.5, noNaN: true }),
  // Up to five sigmas: fluxes of less are limits.
  error: fc.option(fc.double({ min: 0.005, max: 0.21, noNaN: true }), { nil: null }),
  positive: fc.boolean(),
  gap: fc.double({ min: 0.001, max: 40, noNaN: true })
})
const madeObject = fc
  .record({
    ra: fc.double({ min: 0, max: 360, noNaN: true }),
    dec: fc.double({ min: -90, max: 90, noNaN: true }),
    points: fc.array(point, { minLength: 1, maxLength: 30 })
  })
  .map(({ ra, dec, points }): MadeObject => {
    let mjd = 58_300
    const made = points.map(({ gap, band, ...rest }): MadePoint => {
      mjd += gap
      // A millisecond is all that ISO times have.
      return { ...rest, band: band as 'g', mjd: Math.round(mjd * 1e5) / 1e5 }
    })
    // A table of detections has at least one.
    const first = made[0] as MadePoint
    return { id: 'ZTF18aabbccd', ra, dec, points: [{ ...first, error: first.error ?? 0.1 }, ...made.slice(1)] }
  })

for (const [name, writer] of Object.entries(writers)) {
  test(`a light curve in a table of ${name} is the same light curve`, async () => {
    await fc.assert(
      fc.asyncProperty(madeObject, async object => {
        const file = path.join(folder, `ZTF18aabbccd_${writer.file}`)
        writeFileSync(file, writer.write(object))
        const { lines } = await run(file)
        assert.equal(lines.length, 1)
        const line: Line = JSON.parse(lines[0] as string)
        assert.equal(line.id, 'ZTF18aabbccd')
        assertSame(line, heldBy(writer, object.points), name)
      }),
      { numRuns: 40 }
    )
  })

  test(`the example table of ${name} is what the tool would write, and is read by the commands`, async () => {
    const file = path.join(root, 'examples/tables', `${madeSupernova.id}_${writer.file}`)
    const expected = writer.write(madeSupernova)
    if (process.env.UPDATE_EXAMPLES === '1') writeFileSync(file, expected)
    assert.equal(readFileSync(file, 'utf8'), expected)
    const labels = write('id,label,z\nZTF99aaaaaaa,SN Ia,0.03\n', 'labels.csv')
    const { lines } = await run(file, { labels })
    const data = write(`${lines.join('\n')}\n`, 'objects.jsonl')
    const [object] = await readLabelled([data])
    const held = heldBy(writer, madeSupernova.points)
    assert.deepEqual([object?.id, object?.label], ['ZTF99aaaaaaa', 'SN Ia'])
    assert.equal(object?.points.length, held.length)
    assert.equal(object?.detections, held.filter(({ error }) => error !== null).length)
    assert.equal(JSON.parse(lines[0] as string).z, 0.03)
  })
}

test('tables of one object from several tools become one light curve, each exposure once', async () => {
  const files = Object.values(writers).map(({ file }) =>
    path.join(root, 'examples/tables', `${madeSupernova.id}_${file}`)
  )
  const { lines, notes } = await run(files, { id: 'ZTF99aaaaaaa' })
  assert.equal(lines.length, 1)
  const line: Line = JSON.parse(lines[0] as string)
  assert.deepEqual(line.mjd.length, madeSupernova.points.length)
  assert.match(notes.join('\n'), /left out: \d+ points of an exposure that another gives too/)
  const negative = madeSupernova.points.findIndex(({ positive }) => !positive)
  assert.ok(negative > 0 && line.ul[negative] === 0)
})

const ztf = 'mjd,filter,mag,magerr,limiting_mag,magsys\n'

test('every row that is left out is counted by its reason', async () => {
  const { curves, notes } = await converted(
    `${ztf}59000,ztfr,19,0.1,20,ab\n59000,ztfr,19.1,0.05,20,ab\n59001,sdssg,19,0.1,20,ab\n59002,F606W,19,0.1,20,vega\n59003,ztfg,19,,20,ab\n59004,ztfg,nan,None,99.00,ab\n59005,ztfg,19,inf,,ab\n59006,ztfg,,,20.5,AB\n59007,ztfi,19,1.3,,ab\n59008,ztfi,,,1.5,ab\n`
  )
  assert.deepEqual(curves[0]?.mjd, [59000, 59005, 59006])
  assert.deepEqual(curves[0]?.mag, [19.1, 19, 20.5])
  assert.deepEqual(curves[0]?.ul, [0, 1, 1])
  for (const reason of [
    /10 rows, 4 points of 1 object/,
    /1 row: band sdssg, which is not ZTF's g, r or i/,
    /1 row: band f606w/,
    /1 row: no error of the magnitude/,
    /1 row: neither a measurement nor a limit/,
    /1 row: an error above 1\.2 mag/,
    /1 row: a limit outside 5 to 30 mag/,
    /1 point of an exposure that another gives too/,
    /1 object: 1 detection, 2 upper limits/
  ])
    assert.match(notes, reason)
})

test('invalid values are refused with file, line, column and value', async () => {
  for (const [row, message] of [
    ['59000,ztfr,bright,0.1,20,ab', /table\.csv, line 3, column mag: should be a number, it is "bright"/],
    ['59000,ztfr,45,0.1,20,ab', /line 3, column mag: should be a magnitude from -2 to 30, it is 45/],
    ['2459000.5,ztfr,19,0.1,20,ab', /line 3, column mjd: .*looks like a Julian date: rename the column to `jd`/],
    ['-12.5,ztfr,19,0.1,20,ab', /line 3, column mjd: .*--time-zero/],
    ['59000,ztfr,19,0.1,20,vega', /line 3, column magsys: should be "ab" .*it is "vega"/],
    ['59000,,19,0.1,20,ab', /line 3: it has no band/],
    [',ztfr,19,0.1,20,ab', /line 3: it has no time/],
    ['59000,ztfr,19,0.1,20', /line 3: it has 5 values .*, the table has 6 columns: there is none for /],
    [
      '59000,"ztfr,19,0.1,20,ab\n',
      /line 3: it has 2 values .*, the table has 6 columns: a quotation mark is not closed/
    ]
  ] as const)
    await refused(`${ztf}58999,ztfr,19,0.1,20,ab\n${row}\n`, message)
})

test('columns without a place are refused by name, with what to do', async () => {
  const table = 'mjd,filter,mag,magerr,MAG_CAL,my col\n59000,ztfr,19,0.1,18.9,x\n'
  await refused(
    table,
    /line 1, columns MAG_CAL, my col: SkyPortal photometry has no such columns; .*--rename MAG_CAL=mag.*--ignore MAG_CAL --ignore 'my col'/
  )
  const { curves } = await converted(table, { ignore: ['MAG_CAL', 'my col'] })
  assert.deepEqual(curves[0]?.mag, [19])
  const renamed = await converted(table, { ignore: ['mag', 'my col'], rename: new Map([['MAG_CAL', 'mag']]) })
  assert.deepEqual(renamed.curves[0]?.mag, [18.9])
  await refused('a,b,c\n1,2,3\n', /format is not recognised by its columns \(a, b, c\).*--format \(ipac, fink/)
  await refused('1,2,3\n', /no line of their names/)
  await refused('mjd,filter,mag\n59000,ztfr,19\n', /needs a column for the error of the magnitude \(magerr/)
  await refused('mjd,mjd,filter,mag,magerr\n', /two columns are called mjd/)
})

test('fluxes are read in the unit that a column states, and refused without one', async () => {
  const size = 10 ** ((23.9 - 19) / 2.5)
  for (const [header, factor, zp, options] of [
    ['flux_uJy,fluxerr_uJy', 1, '', {}],
    ['flux_nJy,flux_nJy_err', 1000, '', {}],
    ['flux_Jy,flux_err_Jy', 1e-6, '', {}],
    ['flux,fluxerr', 10 ** (0.4 * (26.1 - 23.9)), ',26.1', {}],
    ['flux,fluxerr', 10 ** (0.4 * (30 - 23.9)), '', { zeroPoint: 30 }]
  ] as const) {
    const table = `mjd,band,${header}${zp && ',zp'}\n59000,ztfr,${-size * factor},${0.1 * size * factor}${zp}\n`
    const { curves, notes } = await converted(table, options)
    assert.ok(Math.abs((curves[0]?.mag[0] ?? 0) - 19) < 1e-6, header)
    assert.ok(Math.abs((curves[0]?.err[0] ?? 0) - 0.10857) < 1e-4, header)
    assert.deepEqual(curves[0]?.pos, ['f'])
    assert.match(notes, /fluxes of at least 5 errors are detections/)
  }
  const bare = 'mjd,band,flux,fluxerr\n59000,ztfr,100,10\n'
  await refused(bare, /line 2, column flux: the unit of the flux is not known.*`zp`.*--zero-point/)
  const weak = await converted(bare.replace('100,10', '100,25'), { zeroPoint: 23.9 })
  assert.deepEqual([weak.curves[0]?.ul, weak.curves[0]?.mag], [[1], [18.657725]])
  const strong = await converted(bare.replace('100,10', '100,25'), { zeroPoint: 23.9, sigma: 3 })
  assert.deepEqual(strong.curves[0]?.ul, [0])
})

test('every system of time is converted, stated or refused', async () => {
  const of = async (name: string, value: string, options: Partial<ConvertPlan> = {}) => {
    const { curves, notes } = await converted(`${name},filter,mag,magerr\n${value},ztfg,19,0.1\n`, options)
    return [curves[0]?.mjd[0], notes] as const
  }
  for (const [name, value] of [
    ['mjd', '59000.5'],
    ['jd', '2459001.0'],
    ['JD', '2.459001e6'],
    ['iso', '2020-05-31 12:00:00'],
    ['isot', '2020-05-31T14:00:00+02:00'],
    ['time', '2020-05-31T12:00:00.000Z'],
    ['t', '59000.5'],
    ['date', '2459001']
  ] as const) {
    const [mjd, notes] = await of(name, value)
    assert.equal(mjd, 59000.5, name)
    if (name === 't') assert.match(notes, /t was read as MJD in UTC, by its values/)
    if (name === 'date') assert.match(notes, /date was read as JD in UTC, by its values/)
  }
  assert.equal((await of('mjd', '-12.25', { timeZero: 59000 }))[0], 58987.75)
  for (const [name, value, message] of [
    ['hjd', '2459000.5', /column hjd: it is a time at the Sun, .*--rename hjd=jd/],
    ['bjd_tdb', '2459000.5', /column bjd_tdb: .*--rename bjd_tdb=jd/],
    ['hmjd', '59000', /column hmjd: .*--rename hmjd=mjd/],
    ['time', '12.5', /column time: .*--time-zero/],
    ['time', 'yesterday', /column time: should be a time in UTC .*it is "yesterday"/],
    ['jd', '59000.5', /column jd: .*rename the column to `mjd`/]
  ] as const)
    await assert.rejects(of(name, value), { code: 'DATA_INVALID', message })
})

test('bands by number and by name; those of other surveys only where they are asked for', async () => {
  const header = 'mjd,filter,instrument_name,mag,magerr\n'
  const row = (band: string, at: number, instrument = '') => `${59000 + at},${band},${instrument},19,0.1\n`
  const names = ['1', '2.0', '3', 'ztfg', 'ZTF_r', 'ZTF-i', 'g', 'zr', 'P48-i']
  const { curves } = await converted(header + names.map((name, at) => row(name, at)).join(''))
  assert.equal(curves[0]?.band.join(''), 'grigrigri')
  const others = ['sdssg', 'ps1::r', 'atlaso', 'R', 'lssti', '4']
  const table = header + others.map((name, at) => row(name, at)).join('') + row('g', 9, 'SEDM')
  await refused(table, /no point can be used.*band sdssg.*--take-bands/s)
  const taken = await converted(table, { takeBands: ['sdss', 'ps1', 'sedm'] })
  assert.equal(taken.curves[0]?.band.join(''), 'grg')
  assert.match(taken.notes, /band atlaso.*band R.*band lssti.*band 4/s)
  const again = await converted(table, { takeBands: ['SDSS', 'PS-1', 'ztf', 'Sedm'] })
  assert.equal(again.curves[0]?.band.join(''), 'grg', 'in any case')
  for (const [content, message] of [
    [table, /--take-bands: no table has g, r or i of "des"; they have sdss, ps1, lsst, sedm$/],
    [header + row('ztfg', 1), /--take-bands: no table has g, r or i of "des"; they have bands of ZTF only/]
  ] as const)
    await assert.rejects(converted(content, { takeBands: ['ztf', 'des'] }), { code: 'USAGE', message })
})

test('the sign of a difference in every notation', async () => {
  const table = (value: string) =>
    `oid,mjd,fid,magpsf,sigmapsf,isdiffpos\nZTF20aaaaaaa,59000,1,19,0.1,${value}\nZTF20aaaaaaa,59001,1,19,0.1,t\n`
  for (const [value, pos] of [
    ...['t', 'true', 'True', '1', '1.0', '+1'].map(each => [each, 't'] as const),
    ...['f', 'false', 'False', '0', '-1', '-1.0'].map(each => [each, 'f'] as const)
  ])
    assert.deepEqual((await converted(table(value))).curves[0]?.pos, [pos, 't'], value)
  await refused(table('up'), /line 2, column isdiffpos: should be one of t, true, .*it is "up"/)
  assert.match((await converted(table(''))).notes, /1 row: no sign of the difference/)
})

test('forced photometry of poor quality is left out, unless it is asked for', async () => {
  const { file, write: writer } = writers['IPAC forced photometry'] as (typeof writers)[string]
  const text = writer(madeSupernova)
  const rows = text.split('\n')
  const at = (index: number, from: string, to: string) => {
    rows[index] = (rows[index] as string).replace(from, to)
  }
  at(9, / 57$/.test(rows[9] as string) ? ' 57' : ' 0 2.1', / 57$/.test(rows[9] as string) ? ' 56,57' : ' 33554432 2.1')
  at(10, ' 2.1 ', ' 4.5 ')
  at(11, ' 5.5 ', ' 26 ')
  const poor = rows.join('\n')
  const { notes } = await converted(poor, {}, file)
  assert.match(notes, /sciinpseeing above 4/)
  assert.match(notes, /scisigpix above 25/)
  assert.match(notes, /procstatus 56|infobitssci at least 33554432/)
  const all = await converted(poor, { anyQuality: true }, file)
  assert.equal(all.curves[0]?.mjd.length, madeSupernova.points.length)
})

test('points that Fink marks as of bad quality are left out', async () => {
  const rows = ['valid', 'badquality', 'upperlim'].map((tag, at) => ({
    ...{ 'i:objectId': 'ZTF20a', 'i:jd': 2459000 + at, 'i:fid': 1, 'd:tag': tag, 'i:diffmaglim': 20.1 },
    ...(tag === 'upperlim' ? {} : { 'i:magpsf': 19, 'i:sigmapsf': 0.1, 'i:isdiffpos': 't' })
  }))
  const { curves, notes } = await converted(JSON.stringify(rows))
  assert.deepEqual([curves[0]?.ul, notes.includes('1 row: badquality (d:tag)')], [[0, 1], true])
})

test('JSON as clients and pandas write it: by column, by object, by line, wrapped, with NaN', async () => {
  const rows = [0, 1, 2].map(at => ({ obj_id: 'A', mjd: 59000 + at, filter: 'ztfg', mag: 19 + at, magerr: 0.1 }))
  const columns = Object.fromEntries(
    Object.keys(rows[0] as object).map(key => [key, rows.map(row => row[key as 'mjd'])] as const)
  )
  const byIndex = Object.fromEntries(Object.entries(columns).map(([key, cells]) => [key, { ...cells }]))
  const forms = [rows, columns, byIndex, { status: 'success', data: rows, version: '1' }, { A: rows }]
  for (const form of forms) {
    const { curves } = await converted(JSON.stringify(form))
    assert.deepEqual([curves[0]?.id, curves[0]?.mag], ['A', [19, 20, 21]])
  }
  const lines = await converted(rows.map(row => JSON.stringify(row)).join('\n'))
  assert.deepEqual(lines.curves[0]?.mag, [19, 20, 21])
  const withNan = JSON.stringify(rows).replace('20', 'NaN').replace('21,', '21,"limiting_mag":-Infinity,')
  assert.match((await converted(withNan)).notes, /1 row: neither a measurement nor a limit/)
  const several = { data: [...rows, { ...rows[0], obj_id: 'B' }] }
  assert.deepEqual(
    (await converted(JSON.stringify(several))).curves.map(({ id }) => id),
    ['A', 'B']
  )
  const big = await converted(
    '[{"diaObjectId":313637921267122191,"midpointMjdTai":60983.2,"band":"g","psfFlux":5e4,"psfFluxErr":500}]',
    { takeBands: ['lsst'] }
  )
  assert.equal(big.curves[0]?.id, '313637921267122191')
  assert.ok(Math.abs((big.curves[0]?.mjd[0] ?? 0) - 60983.2 + 37 / 86400) < 1e-7)
  assert.ok(Math.abs((big.curves[0]?.mag[0] ?? 0) - (31.4 - 2.5 * Math.log10(5e4))) < 1e-5)
})

test("ALeRCE's forced photometry and fields of other names", async () => {
  const row = { oid: 'ZTF20a', tid: 'ZTF', sid: 'ZTF', mjd: 59000, fid: 'g', mag: 19, e_mag: 0.1, isdiffpos: -1 }
  const extra_fields = { diffmaglim: 20, magzpsci: 26.1, procstatus: '0' }
  const forced = [
    { ...row, mjd: 59001, e_mag: 0.4, extra_fields },
    { ...row, mjd: 59002, extra_fields: { ...extra_fields, procstatus: '61' } },
    { ...row, mjd: 59003, mag: 100, e_mag: 100, extra_fields }
  ]
  const document = {
    detections: [row, { ...row, tid: 'LSST', sid: 'LSST' }],
    non_detections: [],
    forced_photometry: forced
  }
  const { curves, notes } = await converted(JSON.stringify(document))
  assert.deepEqual([curves[0]?.mjd, curves[0]?.ul, curves[0]?.pos[0]], [[59000, 59001, 59003], [0, 1, 1], 'f'])
  // 0.4 mag are 2.7 sigma at magnitude 19: the limit of five is fainter by 2.5 lg(2.7 / 5) = −0.66 mag.
  assert.ok(Math.abs((curves[0]?.mag[1] ?? 0) - 18.34) < 0.01)
  assert.match(notes, /1 row: procstatus 61/)
  assert.match(notes, /1 row: band lsstg/)
})

test('versions of the tables: other headers, names and lists of the same tools', async () => {
  const { write: ipac } = writers['IPAC forced photometry'] as (typeof writers)[string]
  const text = ipac(madeSupernova)
  const commented = await converted(text.replace('\n sindex,', '\n# index,'), {}, 'forcedphotometry_req1_lc.txt')
  assert.deepEqual([commented.curves[0]?.mjd.length, commented.curves[0]?.ra], [36, madeSupernova.ra])
  const asCsv = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/^ /gm, '')
    .replaceAll(/,? /g, ',')
  assert.equal((await converted(asCsv, {}, 'saved.csv')).curves[0]?.mjd.length, 36)

  // Lasair before 2021: MJD and decl; an alert packet as JSON: the candidate beside its history.
  const old = {
    objectId: 'ZTF19a',
    candidates: [
      {
        candid: 1,
        mjd: 59000,
        ra: 1,
        decl: 2,
        fid: 1,
        nid: 9,
        magpsf: 19,
        sigmapsf: 0.1,
        isdiffpos: 't',
        dc_mag: 18.5,
        dc_sigmag: 0.05,
        since_now: 3
      },
      { mjd: 58999, fid: 2, diffmaglim: 20.1 }
    ]
  }
  const lasair = await converted(JSON.stringify(old))
  assert.deepEqual([lasair.curves[0]?.id, lasair.curves[0]?.mag, lasair.curves[0]?.dec], ['ZTF19a', [20.1, 19], 2])
  const total = await converted(JSON.stringify(old), { photometry: 'total' })
  assert.deepEqual([total.curves[0]?.photometry, total.curves[0]?.mag], ['total_mag', [20.1, 18.5]])
  await assert.rejects(converted(text, { photometry: 'total' }), { code: 'USAGE', message: /has differences only/ })
  const [candidate, limit] = old.candidates
  const { mjd: _, decl: dec, dc_mag, dc_sigmag, since_now, ...packet } = candidate as unknown as Record<string, unknown>
  const alert = {
    objectId: 'ZTF19a',
    candidate: { ...packet, dec, jd: 2459000.5 },
    prv_candidates: [{ jd: 2458999.5, fid: limit?.fid, diffmaglim: 20.1 }],
    fp_hists: [
      {
        jd: 2458998.5,
        fid: 1,
        forcediffimflux: 300,
        forcediffimfluxunc: 10,
        magzpsci: 26,
        procstatus: '0',
        programid: 1
      }
    ]
  }
  const packets = await converted(JSON.stringify([alert]))
  assert.deepEqual(
    [packets.curves[0]?.mjd, packets.curves[0]?.ul],
    [
      [58998, 58999, 59000],
      [0, 1, 0]
    ]
  )

  const meta = 'mjd,flux,fluxerr,zp,magsys,filter,altdata.meta1\n58001.,22.,1.,30.,ab,ztfg,44.4\n'
  assert.ok(Math.abs(((await converted(meta)).curves[0]?.mag[0] ?? 0) - (30 - 2.5 * Math.log10(22))) < 1e-6)
  const rubin = {
    'r:diaObjectId': '170032882292621383',
    'r:midpointMjdTai': 60983.2,
    'r:band': 'r',
    'r:psfFlux': 4e4,
    'r:psfFluxErr': 400,
    'f:clf': 1
  }
  await refused(JSON.stringify([rubin]), /Fink \(Rubin\).*band lsstr.*--take-bands lsst/s)
  const limits = await converted('oid,tid,mjd,fid,diffmaglim\nZTF19a,ztf,59000,1,20.1\n')
  assert.deepEqual([limits.curves[0]?.ul, limits.curves[0]?.mag], [[1], [20.1]])
})

test('tables without names of columns, separated by blanks, tabs or commas', async () => {
  const rows = [
    ['2021-05-27T10:44:38.999', 'ztfg', '19.66', 'inf'],
    ['2021-05-28T10:44:38.999', 'r', '19.5', '0.1']
  ]
  for (const separator of [' ', '   ', '\t', ',']) {
    const { curves, notes } = await converted(rows.map(row => `${row.join(separator)}\r\n`).join(''), {}, 'made.dat')
    assert.deepEqual(
      [curves[0]?.band, curves[0]?.ul],
      [
        ['g', 'r'],
        [1, 0]
      ],
      separator
    )
    assert.match(notes, /bands without a survey \(filter g, r, i\) were read as ZTF's/)
  }
  await refused(`${'['.repeat(5000)}${']'.repeat(5000)}`, /nested too deeply/)
})

test('labels: by id, with redshifts, with or without names; what has none is reported', async () => {
  const table = write('obj_id,mjd,filter,mag,magerr\nA,59000,ztfg,19,0.1\nB,59000,ztfg,19,0.1\n')
  for (const text of [
    'id,label,z\nA,SN Ia,0.1\nC,SN II,\n',
    'A,SN Ia,0.1\nC,SN II,\n',
    'objectId\ttype\tredshift\nA\tSN Ia\t0.1\nC\tSN II\tnan\n'
  ]) {
    const { lines, notes } = await run(table, { labels: write(text, 'labels.csv') })
    const [a, b] = lines.map((line): Line => JSON.parse(line))
    assert.deepEqual([a?.label, a?.z, b?.label], ['SN Ia', 0.1, undefined])
    assert.match(notes.join('\n'), /without a label in .*: B\..*labels of objects that no file holds: C/s)
  }
  const composed = 'Nóva'
  const named = write(`obj_id,mjd,filter,mag,magerr\n${composed.normalize('NFD')},59000,ztfg,19,0.1\n`)
  const { lines } = await run(named, { labels: write(`${composed},é\n`.normalize('NFC'), 'labels.csv') })
  const { id, label }: Line = JSON.parse(lines[0] as string)
  assert.deepEqual([id, label], [composed, 'é'], 'in any Unicode normalisation')
  for (const [text, message] of [
    ['id,label,z\nA,SN Ia,far\n', /line 2, column z: should be a redshift, it is "far"/],
    ['id,label\nA,\n', /line 2, column label: it is missing/],
    ['A,SN Ia\nA,SN II\n', /line 2: A has another label already/],
    [
      'A,SN Ia,0.1\nA,SN Ia,\nA,SN Ia,0.2\n',
      /line 3: A has another redshift already: 0\.1 and 0\.2; keep one of the lines/
    ],
    [
      'id,label,z\nA,SN Ia\nB\n',
      /line 3, column label: it is missing, the line has "B"; complete the line, or remove it/
    ],
    ['id,label,z\nA\n', /line 2, column label: it is missing, the line has "A"/],
    ['id,label\n,SN Ia\n', /line 2, column id: it is missing, the line has "SN Ia"/],
    ['A,SN Ia,1,2\n', /has 4 columns/]
  ] as const)
    await assert.rejects(run(table, { labels: write(text, 'labels.csv') }), { code: 'DATA_INVALID', message })
})

test('the name of an object: from the table, else from the file; --id is for one', async () => {
  const rows = 'mjd,filter,mag,magerr\n59000,ztfg,19,0.1\n'
  const names = async (file: string, options = {}) =>
    (await run(file, options)).lines.map(line => JSON.parse(line).id.replace(/^\d+-/, ''))
  assert.deepEqual(await names(write(rows, 'lc_ZTF20abcdefg_v2.csv')), ['ZTF20abcdefg'])
  assert.deepEqual(await names(write(gzipSync(rows), 'sn2020oi.csv.gz')), ['sn2020oi'])
  assert.deepEqual(await names(write(rows), { id: 'mine' }), ['mine'])
  const two = write('obj_id,mjd,filter,mag,magerr\nA,59000,ztfg,19,0.1\nB,59001,ztfg,19,0.1\n')
  await assert.rejects(run(two, { id: 'mine' }), {
    code: 'USAGE',
    message: /--id is for one object, the tables name 2: A, B/
  })
})

test('what is no table is refused with what it is', async () => {
  for (const [content, message] of [
    ['', /it is empty/],
    ['# only a comment\n', /no rows, only comments/],
    ['<!doctype html><html>', /HTML or XML/],
    ['Obj\x01\x02', /alert packets: classify it with `hierax classify`/],
    ['SIMPLE  =                    T', /FITS file/],
    ['{"a": ', /table\.csv: it is not valid JSON/],
    ['{"a": 1}\n{"a": \n', /line 2: it is not valid JSON/],
    ['[{"mjd": 59000,\n"mjd": 59001}]', /line 2: "mjd" occurs twice; keep one of them/],
    ['{"mjd": 59000}\n{"mjd": 1, "mjd": 2}', /line 2: "mjd" occurs twice/],
    [Buffer.from('obj_id,mjd\nNóva,59000\n', 'latin1'), /line 2: byte 2 of the line, 0xf3, is not UTF-8/],
    [gzipSync('mjd,filter,mag,magerr\n').subarray(0, 15), /the gzip file is cut off; download or compress it again/],
    [
      'obj_id,mjd,filter,mag,magerr\nA,59000,ztfg,19,0.1\nB,59000,ztfg\n',
      /line 3: it has 3 values \("B", "59000", "ztfg"\), the table has 5 columns: there is none for mag, magerr; complete the row/
    ],
    [
      'obj_id,mjd,filter,mag,magerr\nA,59000\n',
      /line 2: it has 2 values \("A", "59000"\), .* none for filter, mag, magerr;/
    ],
    [
      'obj_id,mjd,filter,mag,magerr\nA,59000,ztfg,19,0.1,7\n',
      /line 2: it has 6 values .* columns; quote a value that has the separator/
    ],
    ['[1, 2]', /\[0\]: should be a JSON object/],
    ['[]', /it has no points/],
    ['\0\0\0', /not text/],
    [
      '{"id":"x","photometry":"difference_mag","mjd":[59000],"band":["g"],"mag":[19],"err":[0.1]}',
      /needs no conversion/
    ],
    ['{"detections": [], "mine": [{"mjd": 59000, "fid": 1}]}', /mine: it is a list of points that is not known/]
  ] as const)
    await refused(content, message)
  await assert.rejects(run(path.join(folder, 'none.csv')), { code: 'INPUT_NOT_FOUND', message: /does not exist/ })
  await assert.rejects(run(folder), { code: 'INPUT_NOT_FOUND', message: /a folder/ })
})

test('any bytes and any table end in light curves or in an error with a code', async () => {
  const cell = fc.oneof(
    fc.constantFrom(
      '',
      'nan',
      'inf',
      '-999',
      '59000',
      '2459000.5',
      'ztfg',
      '1',
      't',
      '19',
      '0.1',
      '"',
      '1e999',
      '2020-01-01T00:00:00',
      '[',
      '{'
    ),
    fc.string({ maxLength: 6 }),
    fc.double().map(String)
  )
  const headers = [
    'mjd,filter,mag,magerr,limiting_mag',
    'jd,filter,forcediffimflux,forcediffimfluxunc,zpdiff',
    'mjd,fid,magpsf,sigmapsf,isdiffpos',
    'i:jd,i:fid,i:magpsf,i:sigmapsf,d:tag'
  ]
  const table = fc
    .tuple(fc.constantFrom(...headers), fc.array(fc.array(cell, { minLength: 5, maxLength: 5 }), { maxLength: 4 }))
    .map(([header, rows]) => `${header}\n${rows.map(row => row.join(',')).join('\n')}`)
  await fc.assert(
    fc.asyncProperty(fc.oneof(table, fc.json(), fc.string()), async content => {
      const file = path.join(folder, 'any')
      writeFileSync(file, content)
      try {
        const { lines } = await run(file)
        writeFileSync(path.join(folder, 'any.jsonl'), `${lines.join('\n')}\n`)
        await readLabelled([path.join(folder, 'any.jsonl')], { unlabelled: true })
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'DATA_INVALID', String(error))
        assert.doesNotMatch((error as Error).message, /any\.jsonl/)
      }
    }),
    { numRuns: 400 }
  )
})

/** Real tables and what they hold: detections, limits, and a detection that was looked up in the table. */
const real: Readonly<Record<string, readonly [detections: number, limits: number, mjd: number, mag: number]>> = {
  '16fil_phot.csv': [59, 0, 57605.8874, 20.52],
  'ZTF20abwysqy_phot.csv': [2, 68, 59087.3986458, 23.9 - 2.5 * Math.log10(16.626474511588025)],
  'ZTF21abdpqpq.dat': [5, 35, 59368.2058218, 19.4525796],
  'ZTF22abvdwik.csv': [19, 0, 59902.2800694, 20.042442],
  'ZTF23aaxeacr_partial.csv': [1, 0, 60169.2790741, 19.1446002],
  'batchfp_req0000167807_lc.txt': [127, 709, 0, 0]
}
for (const [name, [detections, limits, mjd, mag]] of Object.entries(real)) {
  test(`the real table ${name} is converted and read`, needsShared(), async () => {
    const { lines } = await run(path.join(shared, 'sources/tables', name))
    const line: Line = JSON.parse(lines[0] as string)
    assert.deepEqual(
      [line.ul.filter(each => each === 0).length, line.ul.filter(each => each === 1).length],
      [detections, limits]
    )
    if (mjd > 0) {
      const at = line.mjd.findIndex(each => Math.abs(each - mjd) < 1e-5)
      assert.ok(Math.abs((line.mag[at] ?? 0) - mag) < 1e-4, `${line.mag[at]}`)
    }
    const [object] = await readLabelled([write(lines.join('\n'), 'real.jsonl')], { unlabelled: true })
    assert.equal(object?.detections, detections)
  })
}

test('real tables of Rubin are refused as such, and taken where it is asked for', needsShared(), async () => {
  const file = path.join(shared, 'sources/tables/313637921267122191_lite.json')
  await assert.rejects(run(file), { code: 'DATA_INVALID', message: /band lssti.*--take-bands lsst/s })
  const { lines } = await run(file, { takeBands: ['lsst'] })
  assert.equal(JSON.parse(lines[0] as string).mjd.length, 8)
  const old = path.join(shared, 'sources/tables/1000.json')
  await assert.rejects(run(old), {
    code: 'DATA_INVALID',
    message: /diaSourcesList\[0\], column midPointTai: .*--time-zero/
  })
  const made = await run(old, { takeBands: ['lsst'], timeZero: 60_000 })
  assert.ok(JSON.parse(made.lines[0] as string).mjd.length > 5)
})
