import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { kafka, missingForLocal } from '../../test/support/brokers.ts'
import { root } from '../../test/support/shared.ts'
import { until } from '../../test/support/until.ts'
import { install, KafkaLocalError } from '../kafka-local/kafka-local.mjs'

const broker = await kafka({ own: true })
const withKafka = { skip: broker.skip }
const cli = path.join(root, 'tools/kafka-local/cli.mjs')

/** Whether a process is running; a zombie is not. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(fs.existsSync('/proc') ? fs.readFileSync(`/proc/${pid}/status`, 'utf8') : '')
  } catch {
    return false
  }
}

test('a node keeps its address and its messages through a kill and a stop', withKafka, async () => {
  const topic = await broker.tools.topic()
  const [node] = broker.cluster?.nodes ?? []
  assert.ok(node)
  for (const [i, end] of (['kill', 'stop'] as const).entries()) {
    await broker.tools.produce(topic, [{ partition: 0, value: `${i}` }])
    const before = node.pid
    await node[end]()
    assert.equal(node.pid, null)
    await node.start()
    assert.notEqual(node.pid, before)
    assert.equal((await broker.tools.read(topic, i + 1)).length, i + 1)
  }
})

test('what Java clients compress is read', withKafka, async () => {
  // In Kafka 4 the console producer is in a separate jar; the one of Kafka 3 works with both.
  const { java, classPath } = await install('3.9.2')
  const lines = Array.from({ length: 200 }, (_, i) => `${i} ${'light curve '.repeat(i)}`)
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
    const topic = await broker.tools.topic()
    const args = [
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-cp',
      classPath,
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'
    ]
    args.push('kafka.tools.ConsoleProducer', '--bootstrap-server', broker.brokers.join(','))
    args.push('--topic', topic, '--compression-codec', codec, '--batch-size', '200000')
    const child: ChildProcess = spawn(java, args, { stdio: ['pipe', 'ignore', 'inherit'] })
    child.stdin?.end(`${lines.join('\n')}\n`)
    assert.deepEqual(await once(child, 'exit'), [0, null])
    const read = await broker.tools.read(topic, lines.length)
    assert.deepEqual(
      read.map(({ value }) => String(value)),
      lines,
      codec
    )
  }
})

test('Java reads what is compressed here: the broker validates a batch by inflating it', withKafka, async () => {
  // The topic has its own codec, so the broker recompresses each batch.
  const topic = await broker.tools.topic(undefined, { config: { 'compression.type': 'gzip' } })
  const { Snappy, LZ4, ZSTD } = kafkajs.CompressionTypes
  const value = Buffer.alloc(100_000, 'light curve ')
  for (const codec of [Snappy, LZ4, ZSTD]) await broker.tools.produce(topic, [{ partition: 0, value }], codec)
  const read = await broker.tools.read(topic, 3)
  for (const message of read) assert.ok(message.value?.equals(value))
})

for (const signal of ['SIGTERM', 'SIGKILL'] as const)
  test(`the command leaves nothing behind after ${signal}`, withKafka, async () => {
    const child = spawn(process.execPath, [cli, '--property', 'num.partitions=3'], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const [chunk] = await once(child.stdout, 'data')
    const { brokers, pids, folder } = JSON.parse(String(chunk)) as { brokers: string[]; pids: number[]; folder: string }
    assert.equal(brokers.length, 1)
    assert.ok(pids.every(lives))
    child.kill(signal)
    await once(child, 'exit')
    await until(() => !pids.some(lives) && !fs.existsSync(folder))
  })

test('an invalid version is rejected', async () => {
  await assert.rejects(install('latest'), KafkaLocalError)
})

test('the error names what is missing', { skip: (await missingForLocal()) ?? false }, async () => {
  const before = process.env.JAVA_HOME
  process.env.JAVA_HOME = '/nowhere'
  try {
    await assert.rejects(install(), /Java 11 or later is required, but '\/nowhere\/bin\/java' does not run/)
  } finally {
    if (before === undefined) delete process.env.JAVA_HOME
    else process.env.JAVA_HOME = before
  }
})
