import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { Simulation } from '@hierax/tools/simulator/simulate.ts'
import { needsShared, root, shared } from '../../../test/support/shared.ts'
import { knownAlerts, readAlertSamples, topOfGroup, topOfSample } from '../../src/data/alert-samples.ts'
import type { SimulatedLightCurve } from '../../src/light-curves/light-curve.ts'
import { bundledLightCurves } from '../../src/light-curves/read-light-curves.ts'
import { topOf } from '../../src/tree.ts'
import { madeObject, smallTaxonomy as tree } from '../support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-alerts-'))
after(() => rmSync(folder, { recursive: true }))

const curves = [1, 3].map((node, at): SimulatedLightCurve => {
  const { points, label, source } = madeObject(at, node, 4)
  return { id: `ZTF20aaaaaa${'ab'[at]}`, label, source, ra: 10 * (at + 1), dec: 20, points }
})
const packets = [...new Simulation(curves, { cutoutBytes: 0 })]
mkdirSync(path.join(folder, 'packets'))
for (const { candid, bytes } of packets) writeFileSync(path.join(folder, 'packets', `${candid}.avro`), bytes)

let files = 0
function linesFile(lines: readonly unknown[]): string {
  const name = path.join(folder, 'packets', `${files++}.jsonl`)
  writeFileSync(name, lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
  return name
}

const ofObject = (at: number) => packets.filter(({ objectId }) => objectId === curves[at]?.id)

test('lines about objects label all packets of their folder', async () => {
  const file = linesFile(curves.map(({ id, label }) => ({ objectId: id, label })))
  const { objects, notes } = await readAlertSamples([file])
  assert.deepEqual(notes, [])
  assert.deepEqual(objects.map(({ objectId, label }) => [objectId, label]).sort(), [
    ['ZTF20aaaaaaa', 'type A1'],
    ['ZTF20aaaaaab', 'type B']
  ])
  for (const { samples } of objects) {
    assert.deepEqual(
      samples.map(({ detections }) => detections),
      [1, 2, 3, 4]
    )
    assert.ok(samples.every(({ refused }) => !refused))
  }
})

test('lines about alerts label these alone, from the packets that they name', async () => {
  const [first, second] = ofObject(0)
  const line = { objectId: curves[0]?.id, label: 'type A1', group: 'a' }
  const file = linesFile([
    { ...line, candid: String(first?.candid), file: `${first?.candid}.avro` },
    { ...line, candid: String(second?.candid), file: `${second?.candid}.avro`, weak: true }
  ])
  const { objects } = await readAlertSamples([file])
  assert.equal(objects.length, 1)
  assert.deepEqual(
    objects[0]?.samples.map(({ label, doubtful }) => [label, doubtful]),
    [
      ['type A1', false],
      ['type A1', true]
    ]
  )
  assert.equal(knownAlerts(tree, objects).alerts.length, 1)
})

test('packets alone take labels by object id', async () => {
  const labels = new Map([[curves[1]?.id as string, 'type B']])
  const { objects } = await readAlertSamples([path.join(folder, 'packets')], labels)
  const { alerts, notes } = knownAlerts(tree, objects)
  assert.equal(alerts.length, 4)
  assert.ok(Math.abs(alerts.reduce((sum, { weight }) => sum + weight, 0) - 1) < 1e-12)
  assert.equal(alerts.at(-1)?.weight, 0.5 + 0.5 / 4)
  assert.match(notes[0] as string, /4 alerts of 1 objects/)
})

test('labels that the taxonomy does not know are counted, groups that are no class left out', async () => {
  const file = linesFile([
    { objectId: curves[0]?.id, label: 'odd', group: 'A' },
    { objectId: curves[1]?.id, label: 'type B', group: 'bogus' }
  ])
  const { alerts, notes } = knownAlerts(tree, (await readAlertSamples([file])).objects)
  assert.equal(alerts.length, 0)
  assert.match(notes[1] as string, /odd \(4\)/)
})

test('a group that is no child of the root leaves the label to decide; one that contradicts it leaves the alert out', async () => {
  const label = 'type B'
  const top = topOf(tree, tree.indexOf(tree.labels.get(label) ?? label))
  const other = tree.nodes.find((_, node) => tree.parents[node] === -1 && node !== top)?.name
  for (const [group, fitted, found] of [
    ['transient', 4, top],
    [other, 0, tree.indexOf(other ?? '')],
    ['solar-system', 0, -1]
  ] as const) {
    const file = linesFile([{ objectId: curves[1]?.id, label, group }])
    const { objects } = await readAlertSamples([file])
    assert.equal(knownAlerts(tree, objects).alerts.length, fitted, group)
    const samples = objects.flatMap(object => object.samples).filter(sample => sample.label !== null)
    assert.ok(samples.length === 4 && samples.every(sample => topOfSample(tree, sample) === found), group)
  }
})

test('errors name file, line and field', async () => {
  const good = { objectId: 'x', label: 'type B' }
  const wrong: [unknown, string, RegExp][] = [
    ['{', 'DATA_INVALID', /\.jsonl, line 2: it looks like JSON over several lines/],
    [{ label: 'type B' }, 'DATA_INVALID', /\.jsonl, line 2, field objectId: /],
    [{ ...good, candid: 1e17 }, 'DATA_INVALID', /line 2, field candid: .*JSON numbers of that size lose digits/],
    [{ ...good, candid: 'abc' }, 'DATA_INVALID', /line 2, field candid: /],
    [{ ...good, label: 7 }, 'DATA_INVALID', /line 2, field label: .*it is 7/],
    [{ ...good, file: 'none.avro' }, 'INPUT_NOT_FOUND', /line 2, field file: .*none\.avro does not exist/],
    [good, 'DATA_INVALID', /line 1, field objectId: no packet holds x, nor any other/]
  ]
  for (const [line, code, message] of wrong) {
    await assert.rejects(readAlertSamples([linesFile([good, line])]), { code, message })
  }
  await assert.rejects(readAlertSamples([path.join(folder, 'none.jsonl')]), { code: 'INPUT_NOT_FOUND' })
})

test('files that are no packets are reported, and the rest is read', async () => {
  const mixed = path.join(folder, 'mixed')
  mkdirSync(mixed)
  const [packet] = packets
  copyFileSync(path.join(folder, 'packets', `${packet?.candid}.avro`), path.join(mixed, 'a.avro'))
  for (const name of ['b', 'c']) writeFileSync(path.join(mixed, `${name}.avro`), 'none')
  writeFileSync(path.join(mixed, 'd.avro'), '')
  const { objects, notes } = await readAlertSamples([mixed])
  assert.equal(objects.length, 1)
  assert.match(
    notes[0] as string,
    /^Left out, as they cannot be read: 3 of 4 packets: NOT_A_CONTAINER 2, such as .*b\.avro \(.*\); EMPTY_VALUE 1, such as .*d\.avro/
  )
  writeFileSync(path.join(mixed, 'night.tar'), 'no archive')
  await assert.rejects(readAlertSamples([mixed]), { code: 'ARCHIVE_INVALID', message: /night\.tar/ })
})

test('a table or a file of light curves in the place of packets is named, with what to do', async () => {
  const table = path.join(root, 'examples/tables/ZTF99aaaaaaa_alerce.csv')
  await assert.rejects(readAlertSamples([table]), {
    code: 'USAGE',
    message:
      /no packet can be read: .*alerts are Avro packets, or JSON lines .*; it looks like ALeRCE; convert it: hierax convert .*alerce\.csv/
  })
  await assert.rejects(readAlertSamples([bundledLightCurves]), {
    code: 'DATA_INVALID',
    message: /line 1.*; alerts are Avro packets, or JSON lines that refer to them; light curves go to --data$/
  })
})

test('groups are children of the root, by name', () => {
  assert.equal(topOfGroup(tree, 'a'), tree.indexOf('A'))
  assert.equal(topOfGroup(tree, 'A1'), -1)
  assert.equal(topOf(tree, tree.indexOf('A2')), tree.indexOf('A'))
})

test('the stream of ../shared is read whole', needsShared(), async () => {
  const { objects, notes } = await readAlertSamples([path.join(shared, 'stream/alerts.jsonl.gz')])
  assert.deepEqual(notes, [])
  assert.equal(objects.length, 2479)
  const labelled = objects.flatMap(({ samples }) => samples.filter(({ label }) => label !== null))
  assert.ok(labelled.filter(({ view }) => view.context.distpsnr1 !== null).length > 1500)
})
