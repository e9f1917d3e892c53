import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { kafka } from '../../../test/support/brokers.ts'
import { runHierax } from '../../../test/support/service.ts'
import { readRecord } from '../simulator/container.ts'

const running = await kafka()
let folder = ''
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'hierax-simulate-'))
})
after(() => rm(folder, { recursive: true }))

test('--out writes one file per packet, in time order by name', async () => {
  const out = path.join(folder, 'deep', 'packets')
  const { code, stdout, stderr } = await runHierax([
    'simulate',
    '--out',
    out,
    '--objects',
    '3',
    '--cutout-bytes',
    '9000'
  ])
  assert.deepEqual([code, stderr], [0, ''])
  const names = (await readdir(out)).sort()
  assert.match(stdout, new RegExp(`^${names.length} packets in `))
  assert.ok(names.length > 20)
  let latest = 0
  for (const name of names) {
    const { candidate, cutoutScience } = readRecord(await readFile(path.join(out, name)))
    assert.equal(name, `${candidate.jd.toFixed(5)}_${candidate.candid}.avro`)
    assert.ok(candidate.jd >= latest && cutoutScience)
    latest = candidate.jd
  }
})

test('--format fink writes the schema beside each record, babamul a container', async () => {
  const of = async (format: string) => {
    const out = path.join(folder, format)
    const run = await runHierax(['simulate', '--out', out, '--objects', '1', '--cutout-bytes', '0', '--format', format])
    assert.deepEqual([run.code, run.stderr], [0, ''])
    return { out, names: (await readdir(out)).sort() }
  }
  const fink = await of('fink')
  const values = fink.names.filter(name => name.endsWith('.value'))
  assert.deepEqual(
    fink.names,
    values.flatMap(name => [name.replace('.value', '.key'), name])
  )
  const schema = JSON.parse(await readFile(path.join(fink.out, fink.names[0] as string), 'utf8'))
  assert.ok(schema.fields.some(({ name }: { name: string }) => name === 'rf_snia_vs_nonia'))
  const { out, names } = await of('babamul')
  assert.deepEqual(
    names,
    values.map(name => name.replace('.value', '.avro'))
  )
  assert.match(await readFile(path.join(out, names[0] as string), 'latin1'), /^Obj.*"name":"BabamulZtfAlert"/s)
})

test('--out does not replace the packets of an earlier run without --overwrite', async () => {
  const out = path.join(folder, 'twice')
  const run = (...more: string[]) =>
    runHierax(['simulate', '--out', out, '--objects', '1', '--cutout-bytes', '0', ...more])
  assert.equal((await run()).code, 0)
  const [first = ''] = (await readdir(out)).sort()
  await writeFile(path.join(out, first), 'mine')
  const again = await run()
  assert.equal(again.code, 2)
  assert.match(again.stderr, new RegExp(`USAGE: --out: ${path.join(out, first)} exists; .* --overwrite`))
  assert.equal(await readFile(path.join(out, first), 'utf8'), 'mine')
  assert.equal((await run('--overwrite')).code, 0)
  assert.ok((await readFile(path.join(out, first))).length > 1000)
})

test('--lightcurves and --shuffle', async () => {
  const file = path.join(folder, 'own.jsonl')
  const curve = {
    id: 'own',
    mjd: [59000, 59001, 59002],
    band: ['g', 'r', 'i'],
    mag: [19, 19, 19],
    err: [0.1, 0.1, 0.1]
  }
  await writeFile(file, JSON.stringify(curve))
  const out = path.join(folder, 'own')
  const { code, stdout } = await runHierax([
    'simulate',
    '--lightcurves',
    file,
    '--out',
    out,
    '--shuffle',
    '--cutout-bytes',
    '0'
  ])
  assert.deepEqual([code, stdout], [0, `3 packets in ${out}\n`])
})

test('--mix stream with --bogus and --solar-system adds alerts to reject', async () => {
  const out = path.join(folder, 'mix')
  const args = ['--mix', 'stream', '--objects', '60', '--bogus', '0.3', '--solar-system', '0.2', '--cutout-bytes', '0']
  const { code, stderr } = await runHierax(['simulate', '--out', out, ...args])
  assert.deepEqual([code, stderr], [0, ''])
  const names = await readdir(out)
  const candidates = await Promise.all(
    names.map(async name => readRecord(await readFile(path.join(out, name))).candidate)
  )
  const bogus = candidates.filter(({ drb }) => (drb as number) < 0.2)
  const near = candidates.filter(({ ssdistnr }) => (ssdistnr as number) >= 0)
  assert.ok(bogus.length > 10 && near.length > 10 && bogus.length + near.length < candidates.length)
})

test('usage errors exit with 2 and say what is wrong', async () => {
  await writeFile(path.join(folder, 'a-file'), '')
  const cases: [string[], RegExp][] = [
    [[], /give either --out .* or --topic/],
    [['--out', 'x', '--topic', 'y'], /give either --out .* or --topic/],
    [['--out', path.join(folder, 'a-file')], /--out: .*a-file cannot be written/],
    [['--out', 'x', '--lightcurves', 'nowhere.jsonl'], /INPUT_NOT_FOUND: nowhere.jsonl does not exist/],
    [['--out', 'x', '--mix', 'stream', '--lightcurves', 'a.jsonl'], /--mix stream uses the bundled examples/],
    [['--out', 'x', '--mix', 'all'], /--mix <name>.*Allowed choices are examples, stream/],
    [['--out', 'x', '--bogus', '2'], /--bogus/],
    [['--topic', 'no/name'], /--topic: "no\/name" is not a valid topic name/],
    [['--out', 'x', '--objects', '99999'], /99999 objects cannot be simulated/]
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await runHierax(['simulate', ...args])
    assert.match(stderr, message)
    assert.equal(code, 2)
  }
})

test('--topic publishes packets without a key over all partitions', { skip: running.skip }, async () => {
  const { tools, brokers } = running
  const topic = tools.name('ztf_20250101_programid1')
  const { code, stdout, stderr } = await runHierax([
    ...['simulate', '--topic', topic, '--brokers', brokers.join(','), '--partitions', '3'],
    ...['--objects', '2', '--cutout-bytes', '0']
  ])
  assert.deepEqual([code, stderr], [0, ''])
  const count = Number(/^(\d+) packets/.exec(stdout)?.[1])
  const messages = await tools.read(topic, count)
  assert.equal(messages.length, count)
  assert.ok(count > 20)
  assert.ok(messages.every(message => message.key === null))
  assert.deepEqual([...new Set(messages.map(message => message.partition))], [0, 1, 2])
  for (const { value } of messages) assert.ok(readRecord(value as Buffer).candidate.jd > 2458000)
})
