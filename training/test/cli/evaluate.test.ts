import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { referenceModel } from '../../../test/support/models.ts'
import { runHierax } from '../../../test/support/service.ts'
import { needsShared, root, shared } from '../../../test/support/shared.ts'
import { lineOf, madeObject } from '../support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-evaluate-'))
after(() => rmSync(folder, { recursive: true }))

const file = (name: string): string => path.join(folder, name)
const labels = ['SN Ia', 'SN II', 'SN Ic', 'mystery', 'SLSN-II']
writeFileSync(
  file('data.jsonl'),
  [
    ...labels.map((label, id) => lineOf({ ...madeObject(id, 1, 8), label })),
    JSON.stringify({ ...JSON.parse(lineOf(madeObject(7, 1, 4))), label: undefined })
  ].join('\n')
)

test('predictions of every object at every cut, unknown labels included, with the classes named', async () => {
  const among = 'SN Ia,SN II,SN IIn+SLSN-II,SLSN-I,SN Ib/c,-SN IIb'
  // The reference model names classes by their probabilities alone.
  const options = [
    '--model',
    'models/ztf-reference',
    '--days',
    '7,full',
    '--among',
    among,
    '--runtime',
    'wasm',
    '--bootstrap',
    '4'
  ]
  const output = ['--predictions', file('predictions.jsonl'), '--json', file('evaluation.json')]
  const { code, stdout, stderr } = await runHierax(['evaluate', '--data', file('data.jsonl'), ...options, ...output])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /mystery \(1\)/)
  assert.match(stdout, /Calibration of every node, whole curves/)
  const lines = readFileSync(file('predictions.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(lines.map(({ id, days }) => [id, days]).slice(0, 3), [
    ['made0', 7],
    ['made0', 'full'],
    ['made1', 7]
  ])
  assert.equal(lines.length, 12)
  const { nodes } = JSON.parse(readFileSync(path.join(referenceModel, 'taxonomy.json'), 'utf8'))
  for (const line of lines) {
    assert.deepEqual(Object.keys(line), ['id', 'label', 'days', 'nodes', 'novelty', 'among'])
    assert.deepEqual(Object.keys(line.nodes).sort(), nodes.map(({ name }: { name: string }) => name).sort())
    assert.ok(Math.abs(line.nodes.Transient + line.nodes.Persistent - 1) < 1e-6)
    const { 'SN IIn': iin, 'SLSN-II': slsn, ...rest } = line.nodes
    const p: Record<string, number> = { 'SN IIn': iin + slsn }
    for (const name of ['SN Ia', 'SN II', 'SLSN-I', 'SN Ib/c']) p[name] = rest[name]
    const likeliest = Object.keys(p).reduce((best, name) => ((p[name] as number) > (p[best] as number) ? name : best))
    assert.deepEqual(line.among, { [among]: likeliest })
  }
  const { model, evaluations } = JSON.parse(readFileSync(file('evaluation.json'), 'utf8'))
  assert.equal(model.runtime, 'wasm')
  assert.deepEqual(
    evaluations.map(({ days, objects }: { days: unknown; objects: number }) => [days, objects]),
    [
      [7, 4],
      ['full', 4]
    ]
  )
  const five = evaluations[1].sets.at(-1)
  assert.equal(five.title, among)
  assert.deepEqual(
    five.perClass.map(({ objects }: { objects: number }) => objects),
    [1, 1, 1, 0, 1]
  )
})

test('a model with one byte changed is refused', async () => {
  cpSync(referenceModel, file('model'), { recursive: true })
  const weights = readFileSync(file('model/weights.bin'))
  weights[1000]! ^= 1
  writeFileSync(file('model/weights.bin'), weights)
  const { code, stderr } = await runHierax(['evaluate', '--model', file('model'), '--data', file('data.jsonl')])
  assert.equal(code, 2)
  assert.match(stderr, /MODEL_INVALID: .*weights\.bin: SHA-256 is/)
})

test('files that cannot be written are named', async () => {
  const args = ['evaluate', '--data', file('data.jsonl'), '--days', 'full', '--runtime', 'wasm']
  for (const option of ['--predictions', '--json']) {
    const { code, stderr } = await runHierax([...args, option, path.join(folder, 'none', 'x')])
    assert.equal(code, 2)
    assert.match(stderr, new RegExp(`${option} .* can't be written`))
  }
})

test('the bundled light curves are judged', async () => {
  const examples = path.join(root, 'examples/lightcurves.jsonl')
  const { code, stdout, stderr } = await runHierax([
    'evaluate',
    '--data',
    examples,
    '--days',
    'full',
    '--runtime',
    'wasm'
  ])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^Among depth 1\n/)
})

test('a report in the place of a file is refused before anything is read', async () => {
  const { code, stderr } = await runHierax(['evaluate', '--data', 'none.jsonl', '--report', file('data.jsonl')])
  assert.equal(code, 2)
  assert.match(stderr, /USAGE: --report .*data\.jsonl is not a folder/)
})

test('something to judge by is needed', async () => {
  const none = await runHierax(['evaluate'])
  assert.equal(none.code, 2)
  assert.match(none.stderr, /USAGE: .*--data\) or packets \(--alerts\)/)
  const population = await runHierax(['evaluate', '--data', file('data.jsonl'), '--population', 'A=0.5,A=0.5'])
  assert.equal(population.code, 2)
  assert.match(population.stderr, /USAGE: --population "A=0\.5,A=0\.5": .*no node twice/)
  const packets = file('packets')
  assert.equal((await runHierax(['simulate', '--out', packets, '--objects', '1', '--cutout-bytes', '0'])).code, 0)
  const unlabelled = await runHierax(['evaluate', '--alerts', packets, '--runtime', 'wasm'])
  assert.equal(unlabelled.code, 2)
  assert.match(unlabelled.stderr, /USAGE: there is nothing to evaluate, as no object has a label of the taxonomy/)
  const among = await runHierax(['evaluate', '--alerts', folder, '--among', 'SN Ia,SN II'])
  assert.equal(among.code, 2)
  assert.match(among.stderr, /USAGE: --among needs light curves: name them with --data/)
  writeFileSync(file('empty.jsonl'), '\n')
  const empty = await runHierax(['evaluate', '--data', file('empty.jsonl')])
  assert.equal(empty.code, 2)
  assert.match(empty.stderr, /DATA_INVALID: .*empty\.jsonl: it is empty/)
  writeFileSync(file('unknown.jsonl'), lineOf({ ...madeObject(0, 1, 8), label: 'mystery' }))
  const unknown = ['evaluate', '--data', file('unknown.jsonl'), '--days', 'full', '--runtime', 'wasm']
  const refused = await runHierax(unknown)
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /USAGE: .*nothing to evaluate, as no object has a label of the taxonomy .*--predictions/)
  assert.equal((await runHierax([...unknown, '--predictions', file('unknown.out')])).code, 0)
})

test('purities of labelled packets are printed for the population that is asked for', needsShared(), async () => {
  const stream = path.join(shared, 'stream')
  const all = gunzipSync(readFileSync(path.join(stream, 'alerts.jsonl.gz')))
    .toString()
    .trim()
    .split('\n')
  const some = all.map(line => JSON.parse(line)).filter(line => /^packets-0[01]-00[01]\.avro$/.test(line.file))
  const lines = some.map(line => JSON.stringify({ ...line, file: path.join(stream, line.file) }))
  writeFileSync(file('alerts.jsonl'), lines.join('\n'))
  const args = ['evaluate', '--alerts', file('alerts.jsonl'), '--runtime', 'wasm', '--json', file('purity.json')]
  const { code, stdout, stderr } = await runHierax([...args, '--population', 'Transient=0.1,Persistent=0.9'])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /expected for custom \(Transient 0\.1, Persistent 0\.9\)/)
  assert.match(stdout, /^P\(Transient\) of real alerts: last alert of each labelled object\n/)
  const { alerts, population, evaluations } = JSON.parse(readFileSync(file('purity.json'), 'utf8'))
  assert.deepEqual(evaluations, [])
  assert.deepEqual(population, { name: 'custom', shares: { Transient: 0.1, Persistent: 0.9 } })
  assert.deepEqual(alerts.population, population)
  assert.ok(alerts.tables.length > 3)
  for (const row of alerts.purity) {
    assert.match(stdout, new RegExp(`Expected purity / completeness of ${row.node} in the population custom`))
    for (const { purity, completeness } of row.thresholds) assert.ok(purity <= 1 && completeness <= 1)
  }
})
