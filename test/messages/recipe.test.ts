import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { type Encoding, type Format, formats, toJson } from '../../src/messages/encoding.ts'
import type { InputMessage } from '../../src/streams/types.ts'
import { sampleClassification as sample } from '../support/sample-classification.ts'

/* CONTRIBUTING's recipe for a wire format: one entry in `formats`, and settings, writers and readers know it. */

const magic = Buffer.from('hex!')
const hex: Format = {
  meaning: 'JSON in hexadecimal digits',
  encode: body => Buffer.concat([magic, Buffer.from(Buffer.from(JSON.stringify(toJson(body))).toString('hex'))]),
  recognises: value => value.subarray(0, magic.length).equals(magic),
  decode: value => JSON.parse(Buffer.from(value.toString('latin1', magic.length), 'hex').toString())
}

// As if it stood there: what reads the registry when it is loaded is loaded after it.
before(() => void Object.assign(formats, { hex }))

test('a wire format that is added can be set, and is documented', async () => {
  const names = Object.keys(formats).join(', ')
  const { loadConfig } = await import('../../src/config/load.ts')
  const { configurationPage } = await import('../../scripts/generate-docs.ts')
  assert.equal(loadConfig({ env: { HIERAX_OUTPUT_ENCODING: 'hex' } }).output.encoding, 'hex')
  assert.throws(
    () => loadConfig({ env: { HIERAX_OUTPUT_ENCODING: 'hax' } }),
    ({ message }: Error) => message.endsWith(`got "hax", expected one of ${names}`)
  )
  assert.match(names, /avro.*hex$/)
  assert.ok(configurationPage().includes('`hex` = JSON in hexadecimal digits'))
})

test('messages are written in it, and subscribers read them', async () => {
  const { classificationMessages } = await import('../../src/messages/outgoing.ts')
  const { readClassification } = await import('../../src/messages/reading.ts')
  const origin = { topic: 't', source: 't/0/0', ingested: 1 } as unknown as InputMessage
  const [message] = classificationMessages(sample, origin, {
    classifications: 'all',
    deadLetters: 'none',
    encoding: 'hex' as Encoding,
    routes: []
  })
  assert.equal(message?.topic, 'all')
  assert.ok(hex.recognises(Buffer.from(message?.value ?? [])))
  assert.deepEqual(readClassification(message?.value ?? null), toJson(sample))
})
