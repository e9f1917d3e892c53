import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { parseTaxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { needsShared, shared } from '../../../test/support/shared.ts'
import { foldOf, isHeldOut, knownTo, readLabelled } from '../../src/data/labelled.ts'
import { smallTaxonomy } from '../support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-labelled-'))
after(() => rmSync(folder, { recursive: true }))

const good = {
  id: 'ZTF20aaaaaaa',
  label: 'type B',
  source: 'made',
  photometry: 'difference_mag',
  mjd: [59001.25, 59000.25, 59002.25],
  band: ['r', 'g', 'r'],
  mag: [18.5, 20.4, 18.25],
  err: [0.1, null, 0.05],
  ul: [0, 1, 0],
  pos: ['t', null, 'f']
}

function file(...lines: readonly unknown[]): string {
  const name = path.join(folder, `${Math.random()}.jsonl`)
  writeFileSync(name, lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
  return name
}

test('an object becomes difference photometry in time order', async () => {
  const [object] = await readLabelled([file(good)])
  assert.equal(object?.detections, 2)
  assert.deepEqual(
    object?.points.map(({ jd, fid, detection, positive, magnitude }) => [jd, fid, detection, positive, magnitude]),
    [
      [2459000.75, 1, false, false, Math.fround(20.4)],
      [2459001.75, 2, true, true, 18.5],
      [2459002.75, 2, true, false, 18.25]
    ]
  )
})

test('all three kinds of photometry are read, gzip too', async () => {
  const flux = { ...good, id: 'b', photometry: 'difference_flux_uJy', flux: [100, 1, -100], err: [5, 5, 5] }
  const { ul: _, ...star } = { ...good, id: 'c', photometry: 'total_mag', mag: [15, 16, 17], err: [0.01, 0.01, 0.01] }
  const name = path.join(folder, 'all.jsonl.gz')
  writeFileSync(name, gzipSync([good, { ...flux, ul: undefined }, star].map(each => JSON.stringify(each)).join('\n')))
  const objects = await readLabelled([name])
  assert.deepEqual(
    objects.map(each => each.detections),
    [2, 2, 2]
  )
  const ofFlux = objects[1]?.points ?? []
  assert.deepEqual(
    ofFlux.map(each => each.positive),
    [false, true, false]
  )
  assert.ok(Math.abs((ofFlux[1]?.magnitude ?? 0) - 18.9) < 1e-3)
})

const refused: readonly [what: string, line: unknown, wanted: RegExp][] = [
  ['no JSON', '{"id": ', /line 2: it is not valid JSON .*each line should be one JSON object/],
  ['no label', { ...good, id: 'x', label: undefined }, /line 2, field label/],
  ['a label that is null', { ...good, id: 'x', label: null }, /line 2, field label: it is missing/],
  ['a label that is a number', { ...good, id: 'x', label: 3 }, /line 2, field label/],
  ['an unknown kind of photometry', { ...good, id: 'x', photometry: 'mag' }, /line 2, field photometry/],
  ['an unknown band', { ...good, id: 'x', band: ['r', 'g', 'z'] }, /line 2, field band\[2\]/],
  ['a short array', { ...good, id: 'x', err: [0.1, 0.1] }, /line 2, field err: it has 2 items, mjd has 3/],
  ['a text among numbers', { ...good, id: 'x', mag: [18, '18', 18] }, /line 2, field mag\[1\]/],
  ['no magnitude', { ...good, id: 'x', mag: [18, 20, null] }, /line 2, field mag\[2\]: expected a number, got null/],
  ['NaN for a magnitude', JSON.stringify({ ...good, id: 'x' }).replace('18.25', 'NaN'), /line 2, field mag\[2\]/],
  ['no error of a detection', { ...good, id: 'x', err: [null, null, 0.1] }, /line 2, field err\[0\]/],
  ['an error of 0', { ...good, id: 'x', err: [0.1, null, 0] }, /line 2, field err\[2\]/],
  ['magnitudes where fluxes belong', { ...good, id: 'x', photometry: 'difference_flux_uJy' }, /line 2, field flux/],
  ['a time that is no MJD', { ...good, id: 'x', mjd: [2459000, 59000, 59001] }, /line 2, field mjd\[0\]/],
  ['an id given twice', good, /line 2, field id: "ZTF20aaaaaaa" was given already \(.*line 1\)/]
]
for (const [what, line, wanted] of refused) {
  test(`refused by line and field: ${what}`, async () => {
    await assert.rejects(readLabelled([file(good, line)]), (error: { code?: string; message: string }) => {
      assert.equal(error.code, 'DATA_INVALID')
      assert.match(error.message, wanted)
      return true
    })
  })
}

test('a missing file is named', async () => {
  await assert.rejects(readLabelled([path.join(folder, 'none.jsonl')]), { code: 'INPUT_NOT_FOUND' })
})

test('where labels are not needed, they may be missing', async () => {
  const unlabelled = file({ ...good, label: undefined }, { ...good, id: 'b', label: null })
  const objects = await readLabelled([unlabelled], { unlabelled: true })
  assert.deepEqual(
    objects.map(({ label }) => label),
    ['', '']
  )
})

test('labels that the taxonomy does not know are counted and left out; so is what was never detected', async () => {
  const objects = await readLabelled([
    file(
      good,
      { ...good, id: 'b', label: 'mystery' },
      { ...good, id: 'c', label: 'mystery' },
      { ...good, id: 'd', label: 'A2' },
      { ...good, id: 'e', label: 'anything' },
      { ...good, id: 'f', ul: [1, 1, 1] }
    )
  ])
  const known = knownTo(smallTaxonomy, objects)
  assert.deepEqual(
    known.objects.map(({ id, node }) => [id, node]),
    [
      ['ZTF20aaaaaaa', 3],
      ['d', 2],
      ['e', -1]
    ]
  )
  assert.deepEqual(known.unknownLabels, [['mystery', 2]])
  assert.deepEqual(known.undetected, ['f'])
})

test('labels are known in any Unicode normalisation, and counted once', async () => {
  const nodes = ['Nóva', 'Supernóva'].map(name => ({ name: name.normalize('NFD'), parent: 'Root' }))
  const tree = parseTaxonomy(JSON.stringify({ name: 'n', version: '1', root: 'Root', nodes }))
  const objects = await readLabelled([
    file(
      { ...good, label: 'Nóva' },
      { ...good, id: 'b', label: 'Nóva'.normalize('NFD') },
      { ...good, id: 'c', label: 'é' },
      { ...good, id: 'd', label: 'é'.normalize('NFD') }
    )
  ])
  const known = knownTo(tree, objects)
  assert.deepEqual(
    known.objects.map(({ node }) => node),
    [0, 0]
  )
  assert.deepEqual(known.unknownLabels, [['é', 2]])
  await assert.rejects(readLabelled([file({ ...good, id: 'é' }, { ...good, id: 'é'.normalize('NFD') })]), {
    code: 'DATA_INVALID',
    message: /line 2, field id: .* was given already/
  })
})

test('folds are even, stable, and change with the seed; the held-out part is independent of them', () => {
  const ids = Array.from({ length: 5000 }, (_, at) => `ZTF${at}`)
  const sizes = new Array<number>(5).fill(0)
  let moved = 0
  let heldOutOfFirst = 0
  for (const id of ids) {
    const fold = foldOf(id, 5, 0)
    assert.ok(fold >= 0 && fold < 5)
    sizes[fold]! += 1
    if (foldOf(id, 5, 1) !== fold) moved += 1
    if (fold === 0 && isHeldOut(id, 0.1, 0)) heldOutOfFirst += 1
  }
  for (const size of sizes) assert.ok(Math.abs(size - 1000) < 120, `a fold has ${size} of 5000`)
  assert.ok(Math.abs(moved - 4000) < 150, `${moved} moved`)
  assert.ok(heldOutOfFirst > 60 && heldOutOfFirst < 140, `${heldOutOfFirst} of about 100`)
  // Pinned: cross-validations of different years must be comparable.
  assert.deepEqual(
    ['ZTF18aabtxvd', 'ZTF20aaelulu', 'AT2018hco'].map(id => foldOf(id, 5, 0)),
    [2, 0, 2]
  )
})

test('the labelled set is read whole', needsShared(), async () => {
  const objects = await readLabelled([path.join(shared, 'lightcurves/labelled.jsonl.gz')])
  assert.equal(objects.length, 8042)
  const stars = objects.filter(each => each.photometry === 'total_mag')
  assert.ok(stars.filter(each => each.detections > 5).length > 0.8 * stars.length)
})

test('a sentinel for "none" is no magnitude of a detection', async () => {
  const object = {
    id: 'x',
    label: 'SN Ia',
    photometry: 'difference_mag',
    mjd: [59000, 59001, 59002],
    band: ['g', 'g', 'r']
  }
  const file = path.join(folder, 'sentinels.jsonl')
  const invalid = async (message: RegExp, columns: object) => {
    writeFileSync(file, JSON.stringify({ ...object, mag: [18, 18.1, 18.2], err: [0.1, 0.1, 0.1], ...columns }))
    await assert.rejects(readLabelled([file]), { code: 'DATA_INVALID', message })
  }
  for (const mag of [-999, 99, -10.5, 1e300]) await invalid(/line 1, field mag\[1\]/, { mag: [18, mag, 18.2] })
  await invalid(/line 1, field mag\[1\]: .*upper limit from 5 to 30/, { mag: [18, -1006.9, 18.2], ul: [0, 1, 0] })
  await invalid(/line 1, field err\[2\]: .*at most 1\.2/, { err: [0.1, 0.1, 99] })
})
