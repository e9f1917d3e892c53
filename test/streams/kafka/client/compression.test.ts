import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import { type Compression, compressions, defaultCompression } from '../../../../src/compression/compressors.ts'
import { compressionTypes, decompressors } from '../../../../src/streams/kafka/client/codecs.ts'
import { KafkaSink } from '../../../../src/streams/kafka/producer/sink.ts'
import { kafka } from '../../../support/brokers.ts'
import { silent } from '../../../support/loggers.ts'
import { consoleConsumer } from '../../../support/maven.ts'
import { testPython } from '../../../support/python.ts'
import { patienceMs } from '../../../support/until.ts'

const running = await kafka()
const { tools } = running
const python = testPython()
const java = await consoleConsumer()

const count = 300
const textOf = (compression: Compression, index: number): string =>
  JSON.stringify({ compression, index, text: 'a classification repeats its schema '.repeat(90) })

/** One topic for each compression, with messages of a sink. */
async function publish(prefix: string): Promise<Map<Compression, string>> {
  const topics = new Map<Compression, string>()
  for (const compression of compressions) {
    const topic = await tools.topic(`${prefix}.${compression}`, { partitions: 1 })
    const sink = new KafkaSink({ connection: running.connection, logger: silent, compression })
    const messages = Array.from({ length: count }, (_, index) => ({
      ...{ topic, key: `ZTF${index}`, headers: { id: String(index) } },
      value: Buffer.from(textOf(compression, index))
    }))
    await sink.send(messages)
    await sink.close()
    topics.set(compression, topic)
  }
  return topics
}

describe('compressed output', { skip: running.skip }, async () => {
  const prefix = tools.name('compressed')
  const topics = running.skip ? new Map<Compression, string>() : await publish(prefix)
  const expected = compressions.flatMap(name => Array.from({ length: count }, (_, index) => textOf(name, index)))

  for (const compression of compressions) {
    test(`is compressed by ${compression}`, async () => {
      const codecs = kafkajs.CompressionCodecs as Record<number, () => { decompress(bytes: Buffer): Promise<Buffer> }>
      const used: string[] = []
      const originals = new Map<number, () => { decompress(bytes: Buffer): Promise<Buffer> }>()
      for (const name of Object.keys(decompressors) as (keyof typeof decompressors)[]) {
        const type = compressionTypes[name]
        const original = codecs[type] as () => { decompress(bytes: Buffer): Promise<Buffer> }
        originals.set(type, original)
        codecs[type] = () => ({
          decompress: bytes => {
            used.push(name)
            assert.ok(bytes.length < 60_000, `${bytes.length} bytes`)
            return original().decompress(bytes)
          }
        })
      }
      try {
        const read = await tools.read(topics.get(compression) as string, count)
        assert.equal(read.length, count)
      } finally {
        for (const [type, original] of originals) codecs[type] = original
      }
      assert.deepEqual([...new Set(used)], compression === 'none' ? [] : [compression])
    })
  }

  test("is read by Kafka's console consumer in Java", { skip: java.skip }, async () => {
    const args = ['--include', `${prefix}\\..*`, '--from-beginning', '--max-messages', String(expected.length)]
    const stdout = await java.consume(running.brokers, [...args, '--timeout-ms', String(patienceMs)])
    assert.deepEqual(stdout.trim().split('\n').sort(), [...expected].sort())
  })

  test('is read by librdkafka', { skip: python.skip }, () => {
    const program = `
import json, sys
from confluent_kafka import Consumer
brokers, group, count, *topics = sys.argv[1:]
consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "auto.offset.reset": "earliest"})
consumer.subscribe(topics)
values = []
while len(values) < int(count):
    message = consumer.poll(${patienceMs / 1000})
    if message is None or message.error():
        sys.exit(f"{len(values)} messages, then {message and message.error()}")
    values.append(message.value().decode())
consumer.close()
print(json.dumps(values))
`
    const args = ['-c', program, running.brokers.join(','), tools.name('group'), String(expected.length)]
    const stdout = execFileSync(path.join(python.folder, 'python'), [...args, ...topics.values()], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024
    })
    assert.deepEqual(JSON.parse(stdout).sort(), [...expected].sort())
  })
})

test('the default is zstd where Node compresses it by itself', () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const has = major >= 24 || (major === 23 && minor >= 8) || (major === 22 && minor >= 15)
  assert.equal(defaultCompression, has ? 'zstd' : 'gzip')
})
