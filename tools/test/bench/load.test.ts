import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { AlertStream } from '../../src/bench/load/alert-stream.ts'
import { basePackets } from '../../src/bench/load/base-packets.ts'
import { crc32c, produceError, produceRequest, recordBatch } from '../../src/bench/load/record-batch.ts'
import { type AnswerMessage, Answers, percentile } from '../../src/bench/service/answers.ts'
import { check } from '../../src/bench/service/phases.ts'

suite('the benchmark load', async () => {
  const stream = new AlertStream(await basePackets(), 3)
  const decoder = createDecoder()
  const decoded = [...stream.packets(0, 4)].map(packet => decoder.decode(packet)[0]!)

  test('has one full-size packet per object and epoch, with the name of its classification', () => {
    const names = decoded.map(({ objectId, record }) => `${objectId}:${record.candid}`)
    assert.deepEqual(names, [...stream.names(0, 4)])
    assert.equal(new Set(names).size, 12)
    for (const packet of stream.packets(3, 4)) assert.ok(packet.length > 40_000)
  })

  test('has an object’s earlier alerts, rounded, in the history of each later one, and no future ones', () => {
    for (let object = 0; object < 3; object++) {
      const alerts = decoded.filter((_, index) => index % 3 === object)
      for (const [epoch, alert] of alerts.entries()) {
        assert.deepEqual(alert.dropped, { future: 0, invalid: 0 })
        for (const earlier of alerts.slice(Math.max(0, epoch - 3), epoch)) {
          const { record, observation } = earlier
          const point = [...alert.history].find(({ observation: { candid } }) => candid === record.candid)?.observation
          assert.equal(point?.jd, observation.jd)
          assert.ok(Math.abs((point?.magnitude ?? 0) - observation.magnitude) < 1e-4)
        }
      }
    }
  })

  test('has exactly thirty days of history, whatever the number of earlier epochs', () => {
    const [alert] = [...stream.packets(40, 41)].map(packet => decoder.decode(packet)[0]!)
    const { jd } = alert!.record
    const own = [...stream.names(0, 40)].filter(name => name.startsWith(`${alert!.objectId}:`)).slice(-12)
    const candids = [...alert!.history].map(({ observation: { candid } }) => `${alert!.objectId}:${candid}`)
    assert.deepEqual(candids, own)
    assert.ok([...alert!.history].every(({ observation }) => observation.jd >= jd - 30))
  })

  test('is checked exactly: a missing classification and a wrong number of outcomes are reported', () => {
    const load = { stream, topic: 'alerts', from: 0, to: 2 }
    const message = (name: string, index: number): AnswerMessage => ({ name, ingested: 1000, appended: 1001 + index })
    const messages = [...stream.names(0, 2)].map(message)
    const metrics = (outcomes: number) => new Map([['hierax_outcomes_total{outcome="classified"}', outcomes]])
    const result = (came: readonly AnswerMessage[], outcomes: number) =>
      check('test', load, new Answers(came), { before: null, after: metrics(outcomes), exact: true })
    assert.equal(result(messages, 6).ok, true)
    assert.match(result(messages.slice(1), 6).problems.join(), /1 alerts have no classification/)
    assert.match(result(messages, 5).problems.join(), /5 outcomes/)
    assert.match(result(messages, 7).problems.join(), /7 outcomes/)
  })

  test('is timed from the first to the last classification, excluding those of the first millisecond', () => {
    const names = [...stream.names(0, 2)]
    const answers = new Answers(
      names.map((name, index) => ({ name, ingested: 1000, appended: 1010 + 10 * Math.floor(index / 2) }))
    )
    assert.deepEqual(answers.span(new Set(names)), { from: 1010, to: 1030, alerts: 4 })
    assert.deepEqual(answers.latencies(new Set(names)), [10, 10, 20, 20, 30, 30])
    assert.equal(percentile([1, 2, 3, 4], 0.5), 2)
    assert.equal(percentile([1, 2, 3, 4], 0.99), 4)
  })
})

test('record batches and requests follow Kafka’s protocol', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  const batch = recordBatch([Buffer.alloc(100, 1), Buffer.alloc(70_000, 2)])
  assert.equal(batch.readInt32BE(8), batch.length - 12)
  assert.equal(batch.readUInt32BE(17), crc32c(batch.subarray(21)))
  assert.equal(batch.readInt32BE(57), 2)
  const head = produceRequest('topic', 3, batch.length, 7)
  assert.equal(head.readInt32BE(), head.length - 4 + batch.length)
  assert.equal(head.readInt32BE(head.length - 4), batch.length)
  assert.equal(head.readInt32BE(head.length - 8), 3)
  const response = Buffer.alloc(60)
  response.writeInt16BE(5, 12)
  response.writeInt16BE(10, 14 + 5 + 8)
  assert.equal(produceError(response), 10)
})
