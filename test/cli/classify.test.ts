import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Simulation } from '@hierax/tools/simulator/simulate.ts'
import { bundledLightCurves, readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { container, detection, encoded, packetSchema, point } from '../alerts/packets.ts'
import { currentAnswers } from '../support/answers.ts'
import { runHierax, temporaryFolder } from '../support/service.ts'
import { needsShared, shared } from '../support/shared.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

interface Line {
  id: string
  objectId: string
  candid: string
  jd: number
  status: string
  lightCurve: { revision: number; detections: number; upperLimits: number; droppedPoints: number }
}

const lines = (text: string): Line[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))

/** The current answer of every object, as its line. */
function answers(text: string): Map<string, string> {
  const rows = text.split('\n').filter(line => line !== '')
  const current = currentAnswers(rows.map(row => ({ ...(JSON.parse(row) as Line), row })))
  return new Map([...current].map(([objectId, { row }]) => [objectId, row]))
}

/** Simulated packets of a few objects, written to a folder; their paths in order of time. */
async function simulated(name: string): Promise<string[]> {
  const curves = []
  for await (const curve of readLightCurves(bundledLightCurves)) curves.push(curve)
  const into = path.join(folder, name)
  fs.mkdirSync(into)
  const paths: string[] = []
  for (const { bytes } of new Simulation(curves, { objects: 3, seed: 7, cutoutBytes: 0 })) {
    const file = path.join(into, `${String(paths.length).padStart(5, '0')}.avro`)
    fs.writeFileSync(file, bytes)
    paths.push(file)
  }
  return paths
}

describe('hierax classify', () => {
  test('gives one line for each packet in order, and the same answers for any order with duplicates', async () => {
    const paths = await simulated('order')
    const calm = await runHierax(['classify', ...paths])
    assert.equal(calm.code, 0, calm.stderr)
    assert.equal(lines(calm.stdout).length, paths.length)
    const shuffled = [...paths, ...paths.filter((_, index) => index % 3 === 0)]
      .map((file, index) => ({ file, key: (index * 2654435761) % 4294967296 }))
      .sort((a, b) => a.key - b.key)
      .map(({ file }) => file)
    const wild = await runHierax(['classify', ...shuffled])
    assert.deepEqual(answers(wild.stdout), answers(calm.stdout))
    const bytes = new Map<string, string>()
    for (const row of [calm.stdout, wild.stdout].join('').split('\n').filter(Boolean)) {
      const { id } = JSON.parse(row)
      assert.equal(bytes.get(id) ?? row, row, 'equal ids have equal bytes')
      bytes.set(id, row)
    }
    const sorted = await runHierax(['classify', '--order', 'time', ...shuffled])
    const times = lines(sorted.stdout).map(line => line.jd)
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b)
    )
    assert.deepEqual(answers(sorted.stdout), answers(calm.stdout))
  })

  for (const order of ['time', 'arrival'])
    test(`in the order of ${order}, packets that are looked at twice have their outcome all the same`, async () => {
      const paths = (await simulated(`twice-${order}`)).slice(0, 6)
      const bad = path.join(folder, `twice-${order}.avro`)
      fs.writeFileSync(bad, 'no packet')
      const letters = path.join(folder, `twice-${order}.jsonl`)
      const args = ['classify', '--order', order, '--dead-letters', letters, ...paths, bad]
      const calm = await runHierax(args)
      const refused = fs.readFileSync(letters, 'utf8')
      const failing = `--import=${new URL('../support/fail-once.mjs', import.meta.url).href}`
      const twice = await runHierax(args, { settings: { NODE_OPTIONS: failing } })
      assert.equal(twice.code, 0, twice.stderr)
      assert.equal(lines(calm.stdout).length, paths.length)
      assert.equal(twice.stdout, calm.stdout)
      const codes = (text: string): unknown[] =>
        text
          .trim()
          .split('\n')
          .map(line => JSON.parse(line)['error.code'])
      assert.deepEqual(codes(fs.readFileSync(letters, 'utf8')), codes(refused))
      assert.deepEqual(codes(refused), ['NOT_A_CONTAINER'])
    })

  test('a programme that the survey does not have is refused', async () => {
    const { code, stderr, stdout } = await runHierax(['classify', folder, '--programs', '1,9'])
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /--programs: ZTF has no programme 9; it has 0 \(engineering\), 1 \(public\), .*3 \(Caltech\)/)
  })

  test('refused packets go to the named file, or to standard error, and the exit code stays 0', async () => {
    const [good] = await simulated('bad')
    const bad = path.join(folder, 'bad.avro')
    const cut = path.join(folder, 'cut.avro')
    fs.writeFileSync(bad, 'no packet')
    fs.writeFileSync(cut, fs.readFileSync(good as string).subarray(0, 9000))
    const letters = path.join(folder, 'letters.jsonl')
    const run = await runHierax(['classify', bad, good as string, cut, '--dead-letters', letters])
    assert.equal(run.code, 0)
    assert.equal(lines(run.stdout).length, 1)
    const found = fs
      .readFileSync(letters, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(
      found.map(line => [line.path, line['error.code']]),
      [
        [bad, 'NOT_A_CONTAINER'],
        [cut, 'TRUNCATED']
      ]
    )
    assert.equal(found[0].error.code, 'NOT_A_CONTAINER')
    assert.match(found[0]['error.message'], /container/)
    const again = await runHierax(['classify', bad])
    assert.equal(again.code, 0)
    assert.match(again.stderr, /NOT_A_CONTAINER/)
    assert.match(again.stderr, /^hierax: refused: NOT_A_CONTAINER 1$/m)
    assert.match(run.stderr, /^hierax: refused: NOT_A_CONTAINER 1, TRUNCATED 1$/m)
    assert.match(
      again.stderr,
      /^hierax: .*bad\.avro holds text, but alerts are Avro packets; .* `hierax convert --help`$/m
    )
  })

  test('bare records are read with the schema in a .key file or named by an option; gzip by its content', async () => {
    const into = path.join(folder, 'bare')
    fs.mkdirSync(into)
    const write = (name: string, bytes: Buffer | string) => fs.writeFileSync(path.join(into, name), bytes)
    const renamed = JSON.stringify(packetSchema()).replace('"name":"alert"', '"name":"other"')
    write('schema.avsc', JSON.stringify(packetSchema()))
    write('0.key', renamed)
    write('0.value', encoded({ candid: 1n }))
    write('1.value', encoded({ candid: 2n }))
    write('2.avro', gzipSync(Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), encoded({ candid: 3n })])))
    write('3.avro', container({ candid: 4n }))
    for (const order of ['arrival', 'time']) {
      const run = await runHierax(['classify', into, '--schema', path.join(into, 'schema.avsc'), '--order', order])
      assert.equal(run.code, 0, run.stderr)
      assert.deepEqual([...new Set(lines(run.stdout).map(({ candid }) => candid))].sort(), ['1', '2', '3', '4'])
    }
    write('wrong.avsc', '{"type":"record","name":"alert","fields":[]}')
    const wrong = await runHierax(['classify', into, '--schema', path.join(into, 'wrong.avsc')])
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /CONFIG_INVALID: input\.schema: the file .*wrong\.avsc: objectId is not in/)
  })

  test('says how many points of histories it left out', async () => {
    const prv_candidates = [
      detection({ jd: 2458990.5, magpsf: 99 }),
      point({ diffmaglim: -1006.9 }),
      point({ jd: 2458999.5 })
    ]
    const file = path.join(folder, 'sentinels.avro')
    fs.writeFileSync(file, container({ prv_candidates }))
    const { stdout, stderr } = await runHierax(['classify', file])
    const [{ lightCurve }] = lines(stdout) as [Line]
    assert.deepEqual([lightCurve.detections, lightCurve.upperLimits, lightCurve.droppedPoints], [1, 1, 2])
    assert.match(stderr, /^hierax: points of histories left out, because their values are not photometry: 2$/m)
  })

  test('a file that ends early is named, and the exit code is 1', async () => {
    const [good] = await simulated('half')
    const archive = path.join(folder, 'half.avro.gz')
    const zipped = gzipSync(fs.readFileSync(good as string))
    fs.writeFileSync(archive, zipped.subarray(0, zipped.length / 2))
    const { code, stdout, stderr } = await runHierax(['classify', good as string, archive])
    assert.equal(code, 1)
    assert.equal(lines(stdout).length, 1)
    assert.match(stderr, /^hierax: FILE_UNREADABLE: .*half\.avro\.gz can't be read/m)
    assert.match(stderr, /^hierax: refused: FILE_UNREADABLE 1$/m)
  })

  test('reads one packet from standard input and builds on a named store', async () => {
    const [first, second] = await simulated('stdin')
    const store = `lmdb:${path.join(folder, 'store')}`
    const one = await runHierax(['classify', '-', '--store', store], { input: fs.readFileSync(first as string) })
    const two = await runHierax(['classify', second as string, '--store', store])
    assert.equal(lines(one.stdout).length, 1)
    assert.equal(lines(two.stdout).length, 1)
    const { objectId } = lines(one.stdout)[0] as Line
    const inspected = await runHierax(['store', 'inspect', objectId, '--store', store])
    assert.equal(inspected.code, 0, inspected.stderr)
    const object = JSON.parse(inspected.stdout)
    assert.equal(object.objectId, objectId)
    assert.ok(object.lightCurve.length > 0)
    assert.ok(object.classifications.length === 1)
    const unknown = await runHierax(['store', 'inspect', 'ZTF00nowhere', '--store', store])
    assert.equal(unknown.code, 1)
    assert.match(unknown.stderr, /OBJECT_NOT_FOUND/)
  })

  test('wrong usage exits 2 and says what is wrong', async () => {
    for (const [args, said] of [
      [['classify'], /missing required argument/],
      [['classify', '/no/such/file'], /INPUT_NOT_FOUND.*\/no\/such\/file/],
      [['classify', '.', '--ordr', 'time'], /--order/],
      [['classify', '.', '--order', 'size'], /arrival, time/],
      [['classify', '.', '--store', 'mongo://x'], /store\.url/],
      [['classify', '.', '--model', '/no/model'], /MODEL_INVALID|no\/model/],
      [['clasify', '.'], /classify/]
    ] as const) {
      const { code, stderr, stdout } = await runHierax(args)
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
      assert.match(stderr, said)
      assert.equal(stdout, '')
    }
  })

  test(
    'real object streams end at the probabilities that the reference network is known for',
    needsShared(),
    async () => {
      for (const [objectId, probability, detections] of [
        ['ZTF19aazzpje', 0.995, 19],
        ['ZTF19abaejrh', 0.981, 13],
        ['ZTF20aaelulu', 0.594, 56]
      ] as const) {
        const from = path.join(shared, `alerts/lc_correction_v3.3_object_${objectId}`)
        const { stdout } = await runHierax(['classify', '--order', 'time', '--model', 'models/ztf-reference', from])
        const last = JSON.parse(answers(stdout).get(objectId) as string)
        const ia = last.nodes.find((node: { name: string }) => node.name === 'SN Ia')
        assert.ok(Math.abs(ia.probability - probability) < 1e-3, `${objectId}: ${ia.probability}`)
        assert.equal(last.lightCurve.detections, detections)
      }
    }
  )

  test('real object streams end at the right classes by the bundled model', needsShared(), async () => {
    for (const [objectId, wanted, least] of [
      ['ZTF19aazzpje', 'SN Ia', 0.9],
      ['ZTF19abaejrh', 'SN Ia', 0.9],
      ['ZTF20aaelulu', 'CC', 0.5]
    ] as const) {
      const from = path.join(shared, `alerts/lc_correction_v3.3_object_${objectId}`)
      const { stdout } = await runHierax(['classify', '--order', 'time', from])
      const last = JSON.parse(answers(stdout).get(objectId) as string)
      const node = last.nodes.find(({ name }: { name: string }) => name === wanted)
      assert.ok(node.probability > least, `${objectId}: P(${wanted}) = ${node.probability}`)
      assert.ok(last.prediction.path.includes(wanted))
      assert.ok(last.novelty >= 0 && last.novelty <= 1)
    }
  })
})
