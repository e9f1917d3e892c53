import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { defaultCompression } from '../../src/compression/compressors.ts'
import { HieraxError } from '../../src/errors.ts'
import { type Announcement, announcementKey } from '../../src/messages/announcement.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { type Encoding, encodeClassification } from '../../src/messages/encoding.ts'
import { deadLetterMessage } from '../../src/messages/outgoing.ts'
import { compressionTypes } from '../../src/streams/kafka/client/codecs.ts'
import { kafka } from '../support/brokers.ts'
import { fileIn } from '../support/fences.ts'
import { testPython } from '../support/python.ts'
import { sampleClassification as sample } from '../support/sample-classification.ts'
import { temporaryFolder } from '../support/service.ts'
import { root } from '../support/shared.ts'
import { until } from '../support/until.ts'

const page = 'docs/subscribe.md'
const running = await kafka()
const { tools } = running
const python = testPython()
const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

before(() => {
  for (const name of ['subscribe.mts', 'subscribe.py']) fs.writeFileSync(path.join(folder, name), fileIn(page, name))
  // As a folder in which `npm install kafkajs avsc` was run.
  fs.writeFileSync(path.join(folder, 'package.json'), '{}')
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
})

/** Just above 2^53: as numbers the two candids are one. */
const candids = [2695378462115010012n, 2695378462115010013n] as const

/** Two other models of the answers' topic. */
const old = { ...sample.classifier, name: 'old', sha256: '1'.repeat(64) }
const gone = { ...sample.classifier, name: 'gone', version: '0.9', sha256: '2'.repeat(64) }

let announced = 0

function announcement(model: typeof old, status: Announcement['status'], topics: readonly string[]): Announcement {
  const now = new Date(1_750_000_000_000 + announced++).toISOString()
  return {
    ...model,
    status,
    since: now,
    announced: now,
    successor: status === 'active' ? null : sample.classifier,
    topics,
    process: 'p'
  }
}

function answer(
  objectId: string,
  jd: number,
  candid: bigint,
  revision: number,
  ia: number,
  classifier = sample.classifier
): Classification {
  const nodes = [
    { name: 'SN Ia', parent: null, conditional: ia, probability: ia },
    { name: 'Other', parent: null, conditional: 1 - ia, probability: 1 - ia }
  ]
  const lightCurve = { ...sample.lightCurve, revision }
  const id = `${objectId}:${jd}:${candid}:${revision}`
  return { ...sample, id, objectId, jd, candid, nodes, lightCurve, classifier }
}

/** Repeated, late, reprocessed: the answer of `ZTF1` is 0.93, that of `ZTF2` 0.97, of `ZTF3` none. */
const bodies: Classification[] = [
  answer('ZTF1', 2458801.5, candids[0], 5, 0.2),
  answer('ZTF1', 2458803.5, candids[1], 9, 0.93),
  answer('ZTF1', 2458803.5, candids[0], 11, 0.96),
  answer('ZTF1', 2458802.5, candids[1], 99, 0.99),
  answer('ZTF1', 2458803.5, candids[1], 9, 0.93),
  answer('ZTF2', 2458801.5, candids[1], 3, 0.95),
  answer('ZTF2', 2458801.5, candids[1], 6, 0.97),
  answer('ZTF2', 2458801.5, candids[1], 3, 0.95),
  answer('ZTF2', 2458801.5, candids[1], 3, 0.91, old),
  // A setting was changed: another message for the same alert.
  { ...answer('ZTF4', 2458801.5, candids[1], 3, 0.92), id: 'first' },
  { ...answer('ZTF4', 2458801.5, candids[1], 3, 0.94), id: 'second' },
  { ...answer('ZTF4', 2458801.5, candids[1], 3, 0.94), id: 'second' },
  {
    ...answer('ZTF3', 2458801.5, candids[1], 3, 0),
    status: 'NOT_CLASSIFIED',
    reason: 'BOGUS',
    nodes: [],
    prediction: null
  }
]

const expected = [
  `answer ZTF1 SN Ia 0.930 ${candids[1]}`,
  `answer ZTF2 SN Ia 0.910 ${candids[1]}`,
  `answer ZTF2 SN Ia 0.950 ${candids[1]}`,
  `answer ZTF2 SN Ia 0.970 ${candids[1]}`,
  `answer ZTF4 SN Ia 0.920 ${candids[1]}`,
  `answer ZTF4 SN Ia 0.940 ${candids[1]}`,
  'dead letter NOT_A_CONTAINER alerts/0/7',
  'not classified ZTF3 BOGUS',
  'retired gone 0.9 0'
]

/** Retires the model `old`, and then publishes an answer by it, which is not kept, and one by the other model. */
function retirement(env: Readonly<Record<string, string>>, encoding: Encoding): Step[] {
  const [topic, models] = [env.TOPIC as string, env.MODELS as string]
  const retired = Buffer.from(JSON.stringify(announcement(old, 'retired', [topic])))
  const later = [answer('ZTF5', 2458801.5, candids[1], 1, 0.99, old), answer('ZTF5', 2458801.5, candids[0], 1, 0.98)]
  const values = later.map(body => ({ partition: 0, value: encodeClassification(body, encoding) }))
  return [
    { act: () => tools.produce(models, [{ partition: 0, value: retired }]), lines: expected.length + 1 },
    { act: () => tools.produce(topic, values), lines: expected.length + 2 }
  ]
}

const afterRetirement = [
  ...expected,
  `answer ZTF5 SN Ia 0.980 ${candids[0]}`,
  `retired old ${sample.classifier.version} 1`
].sort()

const settings = { classifications: '', deadLetters: '', encoding: 'avro', routes: [] } as const

async function publish(encoding: Encoding): Promise<Record<string, string>> {
  const topic = await tools.topic(undefined, { partitions: 2 })
  const dead = await tools.topic(undefined, { partitions: 1 })
  await tools.produce(
    topic,
    bodies.map((body, index) => ({
      partition: 0,
      key: body.objectId,
      value: encodeClassification(body, encoding),
      timestamp: String(1_750_000_000_000 + index)
    })),
    compressionTypes[defaultCompression]
  )
  const packet = { value: Buffer.from('no packet'), topic: 'alerts', source: 'alerts/0/7', ingested: 0 }
  const models = await tools.topic(undefined, { partitions: 1 })
  await tools.produce(
    models,
    [
      announcement(old, 'retired', [`${topic}.other`]),
      announcement(old, 'active', [topic]),
      announcement(gone, 'retired', [topic])
    ].map(body => ({ partition: 0, key: announcementKey(body), value: Buffer.from(JSON.stringify(body)) }))
  )
  const { value, headers } = deadLetterMessage(
    packet,
    new HieraxError('NOT_A_CONTAINER', 'it begins otherwise'),
    settings
  )
  const letter = { partition: 0, value: Buffer.from(value), headers }
  await tools.produce(dead, [letter, letter])
  return {
    BROKERS: running.brokers.join(','),
    TOPIC: topic,
    DEAD_LETTERS: dead,
    MODELS: models,
    GROUP: tools.name('group')
  }
}

/** What is done to a running program, and the lines that it has said after it. */
interface Step {
  readonly act?: () => Promise<unknown>
  readonly lines: number
}

/** Runs a program until it has said its lines after every step, ends it as Ctrl-C does, and returns what it said, sorted. */
async function output(
  command: string,
  args: string[],
  env: Record<string, string>,
  steps: readonly Step[]
): Promise<string[]> {
  const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...env } })
  const ended = once(child, 'close')
  let text = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  child.stderr.setEncoding('utf8').on('data', chunk => {
    errors += chunk
  })
  const said = () =>
    text.split('\n').filter(line => line !== '' && !line.startsWith('{') && !line.startsWith('waiting'))
  try {
    for (const { act, lines } of steps) {
      await act?.()
      await until(() => said().length >= lines || child.exitCode !== null)
    }
  } catch (error) {
    throw new Error(`It said:\n${text}${errors}`, { cause: error })
  } finally {
    child.kill('SIGINT')
  }
  assert.deepEqual(await ended, [0, null], errors)
  return said().sort()
}

describe('the subscriber in TypeScript', { skip: running.skip }, () => {
  const program = ['--conditions=source', '--import', 'tsx', 'subscribe.mts']

  test('has no type errors', () => {
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
    execFileSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), ...options, 'subscribe.mts'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe'
    })
  })

  for (const encoding of ['avro', 'json'] as const) {
    test(`follows the three rules, and drops a retired model (${encoding})`, async () => {
      const env = await publish(encoding)
      const steps = [{ lines: expected.length }, ...retirement(env, encoding)]
      assert.deepEqual(await output(process.execPath, program, env, steps), afterRetirement)
    })
  }
})

describe('the subscriber in Python', { skip: running.skip || python.skip }, () => {
  const command = path.join(python.folder, 'python')

  for (const encoding of ['avro', 'json'] as const) {
    test(`follows the three rules, and drops a retired model (${encoding})`, async () => {
      const env: Record<string, string> = { ...(await publish(encoding)), DATABASE: `${encoding}.db` }
      const steps = [{ lines: expected.length }, ...retirement(env, encoding)]
      assert.deepEqual(await output(command, ['subscribe.py'], env, steps), afterRetirement)
      // Started again in a new group it reads everything once more, and finds nothing new.
      const again = { ...env, GROUP: tools.name('group') }
      await tools.produce(env.TOPIC as string, [
        { partition: 1, value: encodeClassification(answer('ZTF9', 2458801.5, candids[0], 1, 0.99), encoding) }
      ])
      assert.deepEqual(await output(command, ['subscribe.py'], again, [{ lines: 1 }]), [
        `answer ZTF9 SN Ia 0.990 ${candids[0]}`
      ])
    })
  }
})
