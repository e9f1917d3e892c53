import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { packetSchema } from '../alerts/packets.ts'
import { kafka } from '../support/brokers.ts'
import { runHierax, startHierax } from '../support/service.ts'

const running = await kafka()
const { skip } = running
const { tools } = running
let folder = ''
const packets = Array.from({ length: 40 }, (_, index) => randomBytes(index % 10 === 0 ? 80_000 : 1000))

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'hierax-replay-'))
  for (const [index, packet] of packets.entries()) {
    await writeFile(path.join(folder, `${String(index).padStart(3, '0')}.avro`), packet)
  }
})
after(() => rm(folder, { recursive: true }))

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

function replay(topic: string, ...args: string[]) {
  return runHierax(['replay', ...args, '--topic', topic, '--brokers', running.brokers.join(',')])
}

test('packets reach the topic unchanged, one after another over its partitions', { skip }, async () => {
  const topic = tools.name('replay')
  const { code, stdout, stderr } = await replay(topic, folder, '--partitions', '3', '--repeat', '2')
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, new RegExp(`^80 packets \\(.* MB\\) to ${topic}, 3 partitions, in .* s: \\d+/s\n$`))
  const messages = await tools.read(topic, 80)
  assert.equal(messages.length, 80)
  assert.ok(messages.every(message => message.key === null && Object.keys(message.headers).length === 0))
  const twice = [...packets, ...packets]
  for (const partition of [0, 1, 2]) {
    const expected = twice.filter((_, index) => index % 3 === partition).map(digest)
    const seen = messages
      .filter(message => message.partition === partition)
      .map(message => digest(message.value as Buffer))
    assert.deepEqual(seen, expected)
  }
})

test('messages have the keys beside their values; bare records without one have the named schema', {
  skip
}, async t => {
  const into = await mkdtemp(path.join(os.tmpdir(), 'hierax-keyed-'))
  t.after(() => rm(into, { recursive: true }))
  const schema = JSON.stringify(packetSchema())
  const files = { '0.key': 'its key', '0.value': 'a', '1.value': 'b', '2.avro': 'Obj\x01c', 'schema.avsc': schema }
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(into, name), content)
  const topic = tools.name('replay')
  const { code, stderr } = await replay(topic, into, '--schema', path.join(into, 'schema.avsc'), '--partitions', '1')
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(
    (await tools.read(topic, 3)).map(({ key, value }) => [key === null ? null : String(key), String(value)]),
    [
      ['its key', 'a'],
      [schema, 'b'],
      [null, 'Obj\x01c']
    ]
  )
})

test('a topic that exists keeps its partitions; asking for others is wrong usage', { skip }, async () => {
  const topic = await tools.topic(undefined, { partitions: 2 })
  assert.equal((await replay(topic, folder)).code, 0)
  const { ends, total } = await tools.offsets(topic)
  assert.deepEqual([ends.size, total], [2, 40])
  const { code, stderr } = await replay(topic, folder, '--partitions', '4')
  assert.match(stderr, /exists with 2 partitions, not 4/)
  assert.equal(code, 2)
})

test('more bytes than one request takes are split, in order', { skip }, async () => {
  const topic = await tools.topic(undefined, { partitions: 1 })
  const large = path.join(folder, 'large')
  const { mkdir } = await import('node:fs/promises')
  await mkdir(large)
  const values = Array.from({ length: 30 }, () => randomBytes(100_000))
  for (const [index, value] of values.entries()) await writeFile(path.join(large, `${100 + index}.avro`), value)
  const { code } = await replay(topic, large)
  assert.equal(code, 0)
  const messages = await tools.read(topic, 30)
  assert.deepEqual(
    messages.map(message => digest(message.value as Buffer)),
    values.map(digest)
  )
  await rm(large, { recursive: true })
})

test('a rate spreads the packets over time', { skip }, async () => {
  const config = { 'message.timestamp.type': 'LogAppendTime' }
  const topic = await tools.topic(undefined, { partitions: 2, config })
  const began = Date.now()
  const { code, stdout } = await replay(topic, folder, '--rate', '10')
  assert.equal(code, 0)
  const seconds = Number(/in ([\d.]+) s/.exec(stdout)?.[1])
  assert.ok(seconds >= 3.9, stdout)
  // Partitions take turns. No packet is early, by the broker's clock; a slow machine may make any of them late.
  const sent = await tools.read(topic, 40)
  const times = sent.toSorted((a, b) => Number(a.offset - b.offset) || a.partition - b.partition).map(m => m.timestamp)
  for (const [index, time] of times.entries())
    assert.ok(time - began >= index * 100, `packet ${index} of ${times.map(time => time - began)}`)
})

test('standard input is one packet; what cannot be read is named and the rest goes on', { skip }, async () => {
  const topic = await tools.topic(undefined, { partitions: 1 })
  const bad = path.join(folder, 'bad.tar.gz')
  await writeFile(bad, gzipSync('no archive'))
  const { code, stderr } = await runHierax(
    ['replay', bad, '-', '--topic', topic, '--brokers', running.brokers.join(',')],
    {
      input: packets[3] as Buffer
    }
  )
  await rm(bad)
  assert.match(stderr, /^hierax: ARCHIVE_INVALID: .*bad\.tar\.gz/)
  assert.equal(code, 1)
  const [message, ...more] = await tools.read(topic, 1)
  assert.deepEqual([message?.value, more], [packets[3], []])
})

test('an interruption sends what was taken, sums up and ends with 0', { skip }, async () => {
  const topic = await tools.topic(undefined, { partitions: 1 })
  const args = [
    'replay',
    folder,
    '--topic',
    topic,
    '--brokers',
    running.brokers.join(','),
    '--rate',
    '5',
    '--repeat',
    '100'
  ]
  const child = startHierax(args)
  let output = ''
  child.stdout.on('data', data => {
    output += data
  })
  const ended = new Promise(resolve => child.once('close', resolve))
  await tools.waitFor(topic, 3)
  child.kill('SIGINT')
  assert.equal(await ended, 0)
  const count = Number(/^(\d+) packets/.exec(output)?.[1])
  assert.ok(count >= 3 && count < 4000)
  assert.equal((await tools.offsets(topic)).total, count)
})

test('a cluster that does not answer is a fault', async () => {
  const { code, stderr } = await runHierax(['replay', folder, '--topic', 'x', '--brokers', '127.0.0.1:1'])
  assert.match(stderr, /^hierax: KAFKA_UNAVAILABLE: /)
  assert.equal(code, 1)
})

test('a table is published as it is, and said to be none of alerts', { skip }, async t => {
  const table = path.join(folder, 'table.csv')
  await writeFile(table, 'objectId,jd,fid,magpsf\nZTF20aaelulu,2459000.5,1,18.5\n')
  t.after(() => rm(table))
  const { code, stderr } = await replay(tools.name('replay'), table, '--partitions', '1')
  assert.equal(code, 0)
  assert.match(stderr, /^hierax: .*table\.csv holds text, but alerts are Avro packets; .*; it is published as it is\n$/)
})
