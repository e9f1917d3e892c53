import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { HieraxError } from '../../src/errors.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { type Encoding, encodeClassification } from '../../src/messages/encoding.ts'
import { deadLetterMessage } from '../../src/messages/outgoing.ts'
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

function answer(objectId: string, jd: number, candid: bigint, revision: number, ia: number): Classification {
  const nodes = [
    { name: 'SN Ia', parent: null, conditional: ia, probability: ia },
    { name: 'Other', parent: null, conditional: 1 - ia, probability: 1 - ia }
  ]
  const lightCurve = { ...sample.lightCurve, revision }
  return { ...sample, id: `${objectId}:${jd}:${candid}:${revision}`, objectId, jd, candid, nodes, lightCurve }
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
  `answer ZTF2 SN Ia 0.950 ${candids[1]}`,
  `answer ZTF2 SN Ia 0.970 ${candids[1]}`,
  'dead letter NOT_A_CONTAINER alerts/0/7',
  'not classified ZTF3 BOGUS'
]

const settings = { classifications: '', deadLetters: '', encoding: 'avro', routes: [] } as const

async function publish(encoding: Encoding): Promise<Record<string, string>> {
  const topic = await tools.topic(undefined, { partitions: 2 })
  const dead = await tools.topic(undefined, { partitions: 1 })
  await tools.produce(
    topic,
    bodies.map(body => ({ partition: 0, key: body.objectId, value: encodeClassification(body, encoding) }))
  )
  const packet = { value: Buffer.from('no packet'), topic: 'alerts', source: 'alerts/0/7', ingested: 0 }
  const { value, headers } = deadLetterMessage(
    packet,
    new HieraxError('NOT_A_CONTAINER', 'it begins otherwise'),
    settings
  )
  const letter = { partition: 0, value: Buffer.from(value), headers }
  await tools.produce(dead, [letter, letter])
  return { BROKERS: running.brokers.join(','), TOPIC: topic, DEAD_LETTERS: dead, GROUP: tools.name('group') }
}

/** Runs a program until it has said `lines` lines, ends it as Ctrl-C does, and returns what it said, sorted. */
async function output(command: string, args: string[], env: Record<string, string>, lines: number): Promise<string[]> {
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
    await until(() => said().length >= lines || child.exitCode !== null)
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
    test(`follows the three rules (${encoding})`, async () => {
      assert.deepEqual(await output(process.execPath, program, await publish(encoding), expected.length), expected)
    })
  }
})

describe('the subscriber in Python', { skip: running.skip || python.skip }, () => {
  const command = path.join(python.folder, 'python')

  for (const encoding of ['avro', 'json'] as const) {
    test(`follows the three rules (${encoding})`, async () => {
      const env: Record<string, string> = { ...(await publish(encoding)), DATABASE: `${encoding}.db` }
      assert.deepEqual(await output(command, ['subscribe.py'], env, expected.length), expected)
      // Started again in a new group it reads everything once more, and finds nothing new.
      const again = { ...env, GROUP: tools.name('group') }
      await tools.produce(env.TOPIC as string, [
        { partition: 1, value: encodeClassification(answer('ZTF9', 2458801.5, candids[0], 1, 0.99), encoding) }
      ])
      assert.deepEqual(await output(command, ['subscribe.py'], again, 1), [`answer ZTF9 SN Ia 0.990 ${candids[0]}`])
    })
  }
})
