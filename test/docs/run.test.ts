import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { openStore } from '../../src/lightcurves/stores/open.ts'
import { encodeClassification } from '../../src/messages/encoding.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { kafka } from '../support/brokers.ts'
import { sampleClassification } from '../support/sample-classification.ts'
import { cleanEnvironment, hierax, runHierax, temporaryFolder } from '../support/service.ts'
import { root } from '../support/shared.ts'
import { valkey } from '../support/valkey.ts'
import { notRun } from './not-run.ts'
import { commandsOf, pages, wordsOf } from './pages.ts'

const broker = await kafka()
const server = await valkey(true)
const topic = broker.tools.name('docs')
const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** The words of a command without what stands before the program's name. */
function bare(words: readonly string[]): string {
  const start = words.findIndex(word => word !== 'npx' && !/^[A-Z_]+=/.test(word))
  return words.slice(start).join(' ')
}

const listed = (command: string) => notRun.find(entry => entry.command.test(command))
const commands = pages.flatMap(page => commandsOf(page).map(({ text, fence }) => ({ text, where: page, fence })))
const isRun = (command: string) => command.startsWith('hierax ') && !listed(command)

/** Whether all that a line pipes is ours. */
const onlyOurs = (line: string) => wordsOf(line).every(words => isRun(bare(words)))

/** A documented line as it is run: small, on this machine, with an end. What a pipe gives to another program is left out. */
function adapted(line: string): string {
  const command = (onlyOurs(line) ? line : (line.split(' | ')[0] as string))
    .replaceAll(/(localhost|kafka):9092/g, broker.brokers.join(','))
    .replaceAll('valkey://localhost:6379/0', server.url)
    .replaceAll('lmdb:/var/lib/hierax', 'lmdb:elsewhere')
    .replace(/--topic (\S+)/, (_, name) => `--topic ${topic}.${name}`)
    .replace('--out alerts/', '--out simulated/')
    .replace(/simulate(.*) --objects \d+/, 'simulate$1 --objects 2')
  if (!command.includes('hierax tail') || command.includes('--limit') || command.includes('--end')) return command
  return `${command} --from earliest --end`
}

async function run(line: string): Promise<string> {
  const env = cleanEnvironment({
    PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`,
    HIERAX_INPUT_BROKERS: broker.brokers.join(',') || 'localhost:1',
    HIERAX_OUTPUT_CLASSIFICATIONS: topic
  })
  const child = spawn('bash', ['-euo', 'pipefail', '-c', line], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)])
  assert.deepEqual(await ended, [0, null], `${line}\n${stderr}`)
  return stdout
}

/** What the lines of the pages take for granted: programs by name, packets, light curves, a model, a store. */
async function prepare(): Promise<void> {
  const at = (...names: string[]) => path.join(folder, ...names)
  fs.mkdirSync(at('bin'))
  fs.writeFileSync(at('bin/hierax'), `#!/bin/sh\nexec "${process.execPath}" "${hierax}" "$@"\n`, { mode: 0o755 })
  fs.writeFileSync(at('bin/npx'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 })
  const made = await runHierax(['simulate', '--out', at('alerts'), '--objects', '2', '--cutout-bytes', '0'])
  assert.equal(made.code, 0, made.stderr)
  fs.cpSync(at('alerts'), at('refused'), { recursive: true })
  const [first = ''] = fs
    .readdirSync(at('alerts'), { recursive: true, encoding: 'utf8' })
    .filter(one => /avro$/.test(one))
  fs.copyFileSync(at('alerts', first), at('alert.avro'))
  assert.equal(spawnSync('tar', ['-czf', at('night.tar.gz'), '-C', at('alerts'), '.']).status, 0)
  const curves = fs.readFileSync(path.join(root, 'examples/lightcurves.jsonl'))
  fs.writeFileSync(at('others.jsonl'), curves)
  fs.writeFileSync(at('labelled.jsonl.gz'), gzipSync(curves))
  fs.cpSync(path.join(root, 'models/ztf-hawk'), at('models/mine'), { recursive: true })
  fs.writeFileSync(at('hierax.yaml'), 'workers: 2\n')
  fs.cpSync(path.join(root, 'examples'), at('examples'), { recursive: true })
  for (const name of ['data', 'elsewhere']) await fillStore(`lmdb:${at(name)}`)
  if (!server.skip) await fillStore(server.url)
  await run('hierax store export objects.ndjson.gz')
  if (broker.skip) return
  await fillTopic()
}

/** Answers for what `hierax tail` shows: one object, surely a supernova Ia. */
async function fillTopic(): Promise<void> {
  const nodes = [{ name: 'SN Ia', parent: null, conditional: 0.95, probability: 0.95 }]
  const prediction = { node: 'SN Ia', probability: 0.95, path: ['SN Ia'] }
  await broker.tools.topic(topic, { partitions: 1 })
  await broker.tools.produce(
    topic,
    Array.from({ length: 6 }, (_, index) => {
      const answer = { ...sampleClassification, id: `${index}`, jd: sampleClassification.jd + index, nodes, prediction }
      return { partition: 0, value: encodeClassification(answer, 'avro') }
    })
  )
}

async function fillStore(url: string): Promise<void> {
  const store = await openStore(url, { programs: [1] })
  const photometry = { candid: 1n, jd: 2459000.5, ra: 10, dec: -5, programId: 1, photometry: null }
  await store.merge(
    ['ZTF19aazzpje', 'ZTF21aagmoqw'].map(objectId => ({
      objectId,
      observations: [detectionAt(2459000.5, { candid: 1n })],
      alerts: [{ record: photometry, admitted: true }]
    }))
  )
  await store.close()
}

/** What a line needs that this machine lacks. */
function lacking(line: string): string | false {
  if (/hierax (tail|replay)|--topic/.test(line)) return broker.skip
  return line.includes('valkey://') ? server.skip : false
}

describe('a documented command', () => {
  for (const { text, where, fence } of commands) {
    for (const [index, words] of wordsOf(text).entries()) {
      const command = bare(words)
      test(`is run, or listed with what tries it: ${command}`, () => {
        const accounted = listed(command) || (isRun(command) && (index === 0 || onlyOurs(text)))
        assert.ok(accounted, `${where}, block at line ${fence.line}: run it here, or list it in not-run.ts`)
      })
    }
  }

  test('that is listed is documented, and what tries it is there', () => {
    const all = commands.flatMap(({ text }) => wordsOf(text).map(bare))
    for (const { command, tried } of notRun) {
      assert.ok(
        all.some(one => command.test(one)),
        `nothing fits ${command}`
      )
      assert.ok(tried === null || fs.existsSync(path.join(root, tried)), `${tried}`)
    }
  })
})

describe('running', () => {
  before(prepare)
  // A line that stands on several pages is run once.
  const ours = commands.map(({ text }) => text).filter(text => isRun(bare(wordsOf(text)[0] ?? [])))
  const lines = new Map(ours.map(text => [adapted(text).replace('npx ', ''), text]))
  for (const [adaptedLine, line] of lines) {
    test(line, { skip: lacking(line) }, async () => {
      const stdout = await run(adaptedLine)
      if (/hierax (tail|evaluate|store (inspect|verify)|classify [^>]*$)|--print-config|--version/.test(line))
        assert.notEqual(stdout.trim(), '')
    })
  }
})
