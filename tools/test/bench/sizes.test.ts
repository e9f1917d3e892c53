import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { suite, test } from 'node:test'
import { compressions } from 'hierax/compression/compressors.ts'
import { decodeClassification, type Encoding, formats } from 'hierax/messages/encoding.ts'
import { registerCodecs } from 'hierax/streams/kafka/client/codecs.ts'
import { fromSource } from '../../../test/support/from-source.ts'
import { root } from '../../../test/support/shared.ts'
import { simulatedPackets } from '../../src/bench/load/base-packets.ts'
import { descTopic, inputFrom, type MessageSize, outputFor } from '../../src/bench/sizes/message-sizes.ts'
import { storedBatch } from '../../src/bench/sizes/stored-batch.ts'

const load = createRequire(import.meta.url)
const Decoder = load('kafkajs/src/protocol/decoder')
const decodeBatch = load('kafkajs/src/protocol/recordBatch/v0/decoder')
registerCodecs()

suite('the messages whose sizes are measured', async () => {
  const input = inputFrom(await simulatedPackets({ objects: 2 }), 60)
  const output = await outputFor(input)

  test('are those of a service, with the same content in every encoding', () => {
    assert.deepEqual([...output.keys()], Object.keys(formats))
    const [first = []] = output.values()
    for (const [encoding, messages] of output) {
      const onTopic = (name: string) => messages.filter(({ topic }) => topic === name)
      assert.equal(onTopic('hierax.classifications').length, 57)
      assert.equal(onTopic('hierax.dead-letters').length, 3)
      assert.equal(onTopic(descTopic).length, 57)
      assert.equal(messages.length, first.length)
      for (const [index, { topic, key, value }] of messages.entries()) {
        assert.equal(key, first[index]?.key)
        if (topic === 'hierax.dead-letters' || topic === descTopic) continue
        assert.deepEqual(decodeClassification(value, encoding), decodeClassification(first[index]!.value, 'avro'))
      }
    }
  })

  for (const compression of compressions)
    test(`are stored with all that was sent, compressed by ${compression}`, async () => {
      for (const messages of output.values()) {
        const batch = await storedBatch(messages, compression)
        assert.equal(batch.readInt32BE(8), batch.length - 12)
        const { records } = await decodeBatch(new Decoder(batch))
        assert.equal(records.length, messages.length)
        for (const [index, { key, value, headers }] of messages.entries()) {
          const record = records[index]
          assert.equal(record.key?.toString() ?? null, key)
          assert.ok(record.value.equals(value))
          assert.deepEqual(
            { ...record.headers },
            Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]))
          )
        }
      }
    })
})

test('the sizes of every topic are printed by encoding and compression', () => {
  const script = path.join(root, 'tools/src/bench/bench.ts')
  const options = ['--sizes', '--short', '--per-batch', '50']
  const args = [...fromSource, script, ...options]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const { load, sizes } = JSON.parse(stdout) as {
    load: { alerts: number; messagesPerBatch: number }
    sizes: MessageSize[]
  }
  assert.deepEqual([load.alerts, load.messagesPerBatch], [100, 50])
  const ofTopic = (name: string) => sizes.filter(({ topic }) => topic === name)
  for (const topic of ['hierax.classifications', 'hierax.current', 'route', 'route with retract']) {
    assert.deepEqual(
      ofTopic(topic).map(({ encoding }) => encoding),
      Object.keys(formats),
      topic
    )
  }
  assert.deepEqual(
    ofTopic('hierax.dead-letters').map(({ encoding, messages }) => [encoding, messages]),
    [[null, 5]]
  )
  for (const { topic, encoding, valueBytes, storedBytes } of sizes) {
    assert.deepEqual(Object.keys(storedBytes).sort(), [...compressions].sort())
    const { none, ...compressed } = storedBytes
    assert.ok(none > valueBytes, `${topic} ${encoding}`)
    for (const bytes of Object.values(compressed))
      assert.ok(bytes > 0 && bytes < none, `${topic} ${encoding}: ${bytes} and ${none}`)
  }
  const plain = (encoding: Encoding) => ofTopic('hierax.classifications').find(size => size.encoding === encoding)!
  // Each message in Avro has its schema, and Confluent's framing has its id.
  assert.ok(plain('confluent').valueBytes < plain('avro').valueBytes)
})
