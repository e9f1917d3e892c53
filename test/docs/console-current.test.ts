import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { compressions } from '../../src/compression/compressors.ts'
import { currentMessage, currentTombstone } from '../../src/messages/current.ts'
import { type Encoding, formats } from '../../src/messages/encoding.ts'
import { readClassification } from '../../src/messages/reading.ts'
import { KafkaSink } from '../../src/streams/kafka/producer/sink.ts'
import type { OutputMessage } from '../../src/streams/types.ts'
import { kafka } from '../support/brokers.ts'
import { lacksKcat } from '../support/kcat.ts'
import { silent } from '../support/loggers.ts'
import { consoleConsumer } from '../support/maven.ts'
import { sampleClassification as sample } from '../support/sample-classification.ts'
import { commandsOf, wordsOf } from './pages.ts'

/** The commands of docs/subscribe.md that read the topic of current classifications. */
const running = await kafka()
const java = await consoleConsumer()
const kcat = lacksKcat()
const brokers = running.brokers.join(',')
const encodings = Object.keys(formats) as Encoding[]

function documented(program: string): string[] {
  const found = commandsOf('docs/subscribe.md').filter(
    ({ text }) => text.startsWith(program) && text.includes(' hierax.current ')
  )
  assert.ok(found.length > 0, program)
  return found.map(({ text }) => text)
}

/** Records of all encodings and a tombstone, as the service writes them; the objects are named after `stem`. */
function recordsOn(topic: string, stem: string): OutputMessage[] {
  const current = { topic, group: 'hierax' }
  const origin = { topic: 'alerts', source: 'alerts/0/7', ingested: 1_750_000_000_000 }
  const schemaIds = new Map([[topic, 7]])
  const of = (encoding: Encoding) =>
    currentMessage({ ...sample, objectId: `${stem}-${encoding}` }, origin, { encoding, schemaIds }, current)
  const { sha256 } = sample.classifier
  return [...encodings.map(of), currentTombstone({ objectId: `${stem}-gone`, sha256 }, current)]
}

/** A topic with batches of every compression, and its records in order. */
async function publish(): Promise<{ topic: string; records: OutputMessage[] }> {
  const topic = await running.tools.topic()
  const records: OutputMessage[] = []
  for (const compression of compressions) {
    const sink = new KafkaSink({ connection: running.connection, logger: silent, compression })
    const some = recordsOn(topic, compression)
    await sink.send(some)
    await sink.close()
    records.push(...some)
  }
  return { topic, records }
}

describe('a topic of current classifications of every compression and encoding', { skip: running.skip }, () => {
  const published = running.skip ? Promise.resolve({ topic: '', records: [] }) : publish()
  published.catch(() => {})

  /** What a console prints: each record's key, then its value or what `shown` makes of it, and a line break. */
  async function printed(
    separator: string,
    tombstone: string,
    shown: (value: Uint8Array) => Uint8Array = value => value
  ): Promise<Buffer> {
    const { records } = await published
    const lines = records.flatMap(({ key, value, tombstone: gone }) => [
      Buffer.from(`${key}${separator}`),
      gone ? Buffer.from(tombstone) : shown(value),
      Buffer.from('\n')
    ])
    return Buffer.concat(lines)
  }

  test('is read by the Java console consumer of the page', { skip: java.skip }, async () => {
    const { topic, records } = await published
    const [command = ''] = documented('kafka-console-consumer.sh')
    const here = command.replace('--bootstrap-server localhost:9092', '').replace('hierax.current', topic)
    const [, ...args] = wordsOf(here).flat()
    const out = await java.consume(running.brokers, [...args, '--max-messages', String(records.length)])
    assert.equal(out, String(await printed('\t', 'null')))
  })

  test('is read by the kcat of the page', { skip: kcat }, async () => {
    const { topic, records } = await published
    const [sizes, values] = documented('kcat').map(command =>
      execFileSync('bash', ['-c', command.replace('localhost:9092', brokers).replace('hierax.current', topic)], {
        stdio: ['ignore', 'pipe', 'ignore']
      })
    ) as [Buffer, Buffer]
    const sizeOf = ({ length }: Uint8Array) => Buffer.from(`${length} bytes`)
    assert.equal(String(sizes), String(await printed(' ', '-1 bytes', sizeOf)))
    assert.ok(values.equals(await printed(' ', '')))
    // Each value stands between its key and the next key, and decodes.
    for (const [index, { key, tombstone }] of records.entries()) {
      if (tombstone) continue
      const start = values.indexOf(`${key} `) + `${key} `.length
      const value = values.subarray(start, values.indexOf(`\n${records[index + 1]?.key} `, start))
      assert.equal(readClassification(value)?.id, sample.id)
    }
  })
})
