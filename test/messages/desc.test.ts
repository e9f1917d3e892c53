import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { timeOfJd } from '../../src/julian-date.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { type DescTopic, encodeForDesc } from '../../src/messages/desc.ts'
import { classificationMessages, type OutputSettings } from '../../src/messages/outgoing.ts'
import { version } from '../../src/version.ts'
import { testPython } from '../support/python.ts'
import { sampleClassification as sample } from '../support/sample-classification.ts'
import { root } from '../support/shared.ts'

const millis = { type: 'long', logicalType: 'timestamp-millis' }

/** Names and types of the schema that DESC published as `elasticc.v0_9_1.brokerClassification.avsc`. */
const published = {
  type: 'record',
  name: 'brokerClassfication',
  namespace: 'elasticc.v0_9_1',
  fields: [
    { name: 'alertId', type: 'long' },
    { name: 'diaSourceId', type: 'long' },
    { name: 'elasticcPublishTimestamp', type: millis },
    { name: 'brokerIngestTimestamp', type: ['null', millis] },
    { name: 'brokerName', type: 'string' },
    { name: 'brokerVersion', type: 'string' },
    { name: 'classifierName', type: 'string' },
    { name: 'classifierParams', type: 'string' },
    {
      name: 'classifications',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'classificationDict',
          fields: [
            { name: 'classId', type: 'int' },
            { name: 'probability', type: 'float' }
          ]
        }
      }
    }
  ]
}

test('the schema has the names and types of the published one', () => {
  const own = fs.readFileSync(path.join(root, 'schemas/desc/broker-classification.avsc'), 'utf8')
  const names = JSON.parse(own, (key, value) => (key === 'doc' ? undefined : value))
  assert.deepEqual(names, published)
})

const { classifier } = sample
const topic: DescTopic = {
  topic: 'desc',
  classes: new Map([
    [
      classifier.sha256,
      new Map([
        ['B', 2332],
        ['A1', 2222],
        ['A2', 2226],
        ['A3', 2222]
      ])
    ]
  ])
}
const probabilities = { A: 0.75, A1: 0.5, A2: 0.125, A3: 0.125, B: 0.25 }
const classified: Classification = {
  ...sample,
  candid: 1500210150015015001n,
  nodes: Object.entries(probabilities).map(([name, probability]) => ({
    ...{ name, parent: name.length > 1 ? 'A' : null },
    ...{ conditional: 1, probability }
  }))
}
const declined: Classification = { ...classified, status: 'NOT_CLASSIFIED', reason: 'BOGUS', nodes: [] }
const timestamped = { ingested: 1_700_000_000_123, timestamped: true }
const python = testPython()

test('fastavro reads messages without a container by the published schema', { skip: python.skip }, () => {
  const program = `
import io, json, sys, fastavro
schema = fastavro.parse_schema(json.loads(sys.argv[1]))
for value in sys.argv[2:]:
    stream = io.BytesIO(bytes.fromhex(value))
    body = fastavro.schemaless_reader(stream, schema)
    assert stream.read() == b''
    for name in ('elasticcPublishTimestamp', 'brokerIngestTimestamp'):
        body[name] = body[name] and round(body[name].timestamp() * 1000)
    for name in ('alertId', 'diaSourceId'):
        body[name] = str(body[name])
    print(json.dumps(body))`
  const values = [
    encodeForDesc(classified, timestamped, topic),
    encodeForDesc(declined, { ingested: 5, timestamped: false }, topic)
  ]
  const args = ['-c', program, JSON.stringify(published), ...values.map(value => value.toString('hex'))]
  const out = execFileSync(path.join(python.folder, 'python'), args, { encoding: 'utf8' })
  const common = {
    alertId: '1500210150015015001',
    diaSourceId: '1500210150015015001',
    brokerName: 'Hierax',
    brokerVersion: version,
    classifierName: `${classifier.name} ${classifier.version}`,
    classifierParams: JSON.stringify({
      sha256: classifier.sha256,
      taxonomy: `${classifier.taxonomy} ${classifier.taxonomyVersion}`,
      population: sample.population?.name
    })
  }
  assert.deepEqual(
    out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
    [
      {
        ...common,
        elasticcPublishTimestamp: 1_700_000_000_123,
        brokerIngestTimestamp: 1_700_000_000_123,
        classifications: [
          { classId: 2222, probability: 0.625 },
          { classId: 2226, probability: 0.125 },
          { classId: 2332, probability: 0.25 }
        ]
      },
      {
        ...common,
        elasticcPublishTimestamp: Math.round(timeOfJd(sample.jd)),
        brokerIngestTimestamp: null,
        classifications: [{ classId: 300, probability: 1 }]
      }
    ]
  )
})

test('without a Kafka timestamp the bytes do not depend on the time of arrival', () => {
  const bytes = [1, 2].map(ingested => encodeForDesc(classified, { ingested }, topic))
  assert.deepEqual(bytes[0], bytes[1])
})

test('the topic gets one message for a classification, with the key and the headers of the others', () => {
  const settings: OutputSettings = {
    classifications: 'all',
    deadLetters: 'dead',
    encoding: 'json',
    routes: [{ topic: 'all too', minDetections: 0 }],
    desc: topic
  }
  const origin = { topic: 'in', source: 'in/0/1', ...timestamped }
  const messages = classificationMessages(classified, origin, settings)
  assert.deepEqual(
    messages.map(message => message.topic),
    ['all', 'all too', 'desc']
  )
  const { key, value, headers } = messages[2] as (typeof messages)[number]
  assert.equal(key, sample.objectId)
  assert.deepEqual(value, encodeForDesc(classified, origin, topic))
  const { schema, published: _, ...others } = headers
  assert.equal(schema, 'elasticc.v0_9_1.brokerClassfication')
  assert.deepEqual(others, { id: sample.id, source: 'in/0/1', ingested: '1700000000123' })
})
