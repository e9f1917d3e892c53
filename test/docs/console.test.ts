import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { install } from '@hierax/tools/kafka-local/kafka-local.mjs'
import { type Encoding, encodeClassification, schemaText } from '../../src/messages/encoding.ts'
import { routedMessage } from '../../src/messages/outgoing.ts'
import { KafkaSink } from '../../src/streams/kafka/producer/sink.ts'
import { kafka, missingForLocal } from '../support/brokers.ts'
import { lacksKcat } from '../support/kcat.ts'
import { silent } from '../support/loggers.ts'
import { consoleConsumer } from '../support/maven.ts'
import { testPython } from '../support/python.ts'
import { sampleClassification as sample } from '../support/sample-classification.ts'
import { root } from '../support/shared.ts'

/** What docs/subscribe.md says about consoles and about producers that share our partitions, tried with Kafka's own tools, librdkafka and kcat. */
const running = await kafka()
const { tools } = running
const lacking = await missingForLocal()
const java = await consoleConsumer()
const python = testPython()
const kcat = lacksKcat()

/** Runs a command with text on its standard input. */
async function run(command: string, args: readonly string[], input = ''): Promise<string> {
  const ran = promisify(execFile)(command, [...args], { maxBuffer: 1e8 })
  ran.child.stdin?.end(input)
  return (await ran).stdout
}

/** Kafka 3 has the console producer with the broker. It works with brokers of any version. */
async function produceInJava(topic: string, input: string): Promise<void> {
  const { java, classPath } = await install('3.9.2')
  const args = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', classPath, 'kafka.tools.ConsoleProducer']
  const properties = ['parse.key=true', 'key.separator=:'].flatMap(property => ['--property', property])
  await run(java, [...args, '--bootstrap-server', running.brokers.join(','), '--topic', topic, ...properties], input)
}

const keys = ['ZTF21aagmoqw', 'Größe', 'ZTF18abc/1', ...Array.from({ length: 200 }, (_, n) => `ZTF26${n.toString(36)}`)]
const partitions = 7

async function partitionsOf(topic: string): Promise<Map<string, number>> {
  const messages = await tools.read(topic, keys.length)
  assert.equal(messages.length, keys.length)
  return new Map(messages.map(({ key, partition }) => [key as string, partition]))
}

/** Publishes a message for each key, as the service does. */
async function publish(objectIds: readonly string[], encoding: Encoding): Promise<string> {
  const topic = await tools.topic(undefined, { partitions })
  const sink = new KafkaSink({ connection: running.connection, logger: silent })
  const origin = { topic: 'alerts', source: 'alerts/0/7', ingested: 1_750_000_000_000 }
  await sink.send(objectIds.map(objectId => routedMessage(topic, { ...sample, objectId }, origin, { encoding })))
  await sink.close()
  return topic
}

const lines = keys.map(key => `${key}:x\n`).join('')
const confluentProducer = `
import sys
from confluent_kafka import Producer
brokers, topic, partitioner = sys.argv[1:]
producer = Producer({"bootstrap.servers": brokers, **({"partitioner": partitioner} if partitioner else {})})
for line in sys.stdin.buffer:
    key, value = line.rstrip(b"\\n").split(b":")
    producer.produce(topic, value, key)
producer.flush()
`

describe('partitions of the same number', { skip: running.skip }, () => {
  const ours = running.skip ? null : publish(keys, 'json').then(partitionsOf)
  ours?.catch(() => {})
  const brokers = running.brokers.join(',')
  const newTopic = () => tools.topic(undefined, { partitions })

  const python3 = path.join(python.folder, 'python')

  test('are those of a Java producer', { skip: lacking ?? false }, async () => {
    const topic = await newTopic()
    await produceInJava(topic, lines)
    assert.deepEqual(await partitionsOf(topic), await ours)
  })

  test('are those of confluent-kafka with murmur2_random, and not without', { skip: python.skip }, async () => {
    for (const partitioner of ['murmur2_random', '']) {
      const topic = await newTopic()
      await run(python3, ['-c', confluentProducer, brokers, topic, partitioner], lines)
      const theirs = await partitionsOf(topic)
      if (partitioner) assert.deepEqual(theirs, await ours)
      else assert.notDeepEqual(theirs, await ours)
    }
  })

  test('are those of kcat with murmur2_random', { skip: kcat }, async () => {
    const topic = await newTopic()
    await run('kcat', ['-P', '-b', brokers, '-t', topic, '-K:', '-X', 'partitioner=murmur2_random'], lines)
    assert.deepEqual(await partitionsOf(topic), await ours)
  })
})

describe('a console consumer', { skip: running.skip }, () => {
  const headers = new RegExp(`id:${sample.id},schema:hierax.classification.v1,source:alerts/0/7,ingested:1750000000000`)
  const show = ['key', 'headers'].flatMap(what => ['--property', `print.${what}=true`])

  const printed = async (topic: string) =>
    java.consume(running.brokers, ['--topic', topic, '--from-beginning', '--max-messages', '2', ...show])

  test('prints keys and headers as text, and JSON values on one line each', { skip: java.skip }, async () => {
    const text = (await printed(await publish(['ZTF1', 'ZTF2'], 'json'))).trim().split('\n')
    assert.equal(text.length, 2)
    for (const line of text) {
      const [shown, key, value] = line.split('\t') as [string, string, string]
      assert.match(shown, headers)
      assert.equal(JSON.parse(value).objectId, key)
    }
  })

  test('prints of an Avro value Obj, then the schema as JSON', { skip: java.skip }, async () => {
    const text = await printed(await publish(['ZTF1', 'ZTF2'], 'avro'))
    assert.match(text, headers)
    assert.match(text, /\tZTF[12]\tObj/)
    assert.equal(text.split(schemaText).length, 3)
  })

  test('kcat prints the same', { skip: kcat }, async () => {
    const topic = await publish(['ZTF1', 'ZTF2'], 'json')
    const format = ['-f', '%k %h %s\n']
    const text = await run('kcat', ['-C', '-b', running.brokers.join(','), '-t', topic, '-e', '-q', ...format])
    for (const line of text.trim().split('\n')) {
      const [, key, shown, value] = /^(\S+) (\S+) (.*)$/.exec(line) as unknown as [string, string, string, string]
      assert.match(shown, /schema=hierax.classification.v1,source=alerts\/0\/7/)
      assert.equal(JSON.parse(value).objectId, key)
    }
  })

  test('of the bytes of an Avro value the schema takes what the page says; the rest is shorter than JSON', () => {
    const page = fs.readFileSync(path.join(root, 'docs/subscribe.md'), 'utf8')
    const [, kilobytes] = /The schema takes (\d+) kB of each message/.exec(page) ?? []
    assert.equal(Math.round(Buffer.byteLength(schemaText) / 1000), Number(kilobytes))
    const [avro, json] = (['avro', 'json'] as const).map(encoding => encodeClassification(sample, encoding).length)
    assert.ok((avro as number) - Buffer.byteLength(schemaText) < (json as number))
  })
})
