import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createKafka } from '../../../src/streams/kafka/client.ts'
import type { KafkaConnection } from '../../../src/streams/kafka/connection.ts'
import { KafkaSink } from '../../../src/streams/kafka/sink.ts'
import { kafka } from '../../support/brokers.ts'
import { certificate } from '../../support/certificates.ts'
import { recorder, silent } from '../../support/loggers.ts'
import { startSource } from './source-harness.ts'

const users = { alice: 'wonderland' }
const serverTls = await certificate()
const clientTls = await certificate()
const sasl = await kafka({ security: { protocol: 'sasl_plaintext', users } })
const saslTls = await kafka({ security: { protocol: 'sasl_ssl', users, tls: serverTls } })
const mutualTls = await kafka({ security: { protocol: 'ssl', tls: { ...serverTls, clientCa: clientTls.cert } } })

type Security = Pick<KafkaConnection, 'ssl' | 'sasl'>

function credentials(mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512', password = users.alice) {
  return { mechanism, username: 'alice', password }
}

/** Publishes one message over the secured listener and reads it back over the brokers' own. */
async function publishes(broker: typeof sasl, security: Security): Promise<void> {
  const topic = await broker.tools.topic()
  const sink = new KafkaSink({ connection: { ...broker.connection, ...security }, logger: silent })
  try {
    await sink.connect()
    await sink.send([{ topic, key: 'k', value: Buffer.from('v'), headers: {} }])
  } finally {
    await sink.close()
  }
  assert.equal((await broker.tools.read(topic, 1)).length, 1)
}

async function refused(broker: typeof sasl, security: Security, message: RegExp): Promise<void> {
  const { logger, lines } = recorder()
  const sink = new KafkaSink({ connection: { ...broker.connection, ...security }, logger })
  after(() => sink.close())
  await assert.rejects(sink.connect(), { code: 'KAFKA_UNAVAILABLE', message })
  assert.ok(!JSON.stringify(lines).includes('sesame'), 'a password was logged')
}

for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
  test(`SASL ${mechanism} connects, and names refused credentials`, { skip: sasl.skip }, async () => {
    await publishes(sasl, { ssl: false, sasl: credentials(mechanism) })
    await refused(sasl, { ssl: false, sasl: credentials(mechanism, 'sesame') }, /refused the credentials/)
  })
  test(`SASL ${mechanism} over TLS connects`, { skip: saslTls.skip }, async () => {
    await publishes(saslTls, { ssl: { ca: serverTls.certFile }, sasl: credentials(mechanism) })
  })
}

test('refused credentials end the run of a source with an error that says so', { skip: sasl.skip }, async () => {
  const connection = { ...sasl.connection, sasl: credentials('scram-sha-256', 'sesame') }
  const running = startSource(connection, { group: sasl.tools.name('group'), topics: ['any'] })
  await assert.rejects(running.ended, {
    name: 'HieraxError',
    code: 'KAFKA_UNAVAILABLE',
    message: /refused the credentials/
  })
  assert.deepEqual(running.source.health(), { ready: false, reason: 'stopped' })
})

test('TLS with a client certificate connects', { skip: mutualTls.skip }, async () => {
  const ssl = { ca: serverTls.certFile, cert: clientTls.certFile, key: clientTls.keyFile }
  await publishes(mutualTls, { ssl, sasl: null })
})

test('a certificate that nobody vouches for is refused', { skip: mutualTls.skip }, async () => {
  await refused(mutualTls, { ssl: true, sasl: null }, /self-signed certificate/)
  await refused(mutualTls, { ssl: { ca: clientTls.certFile }, sasl: null }, /certificate/)
})

test('a client without the certificate that the cluster wants is refused', {
  skip: mutualTls.skip
}, async () => {
  await refused(mutualTls, { ssl: { ca: serverTls.certFile }, sasl: null }, /does not answer/)
})

test('a PEM file that is not there is a fault of the configuration', () => {
  const connection = { brokers: ['127.0.0.1:1'], ssl: { ca: '/nowhere/ca.pem' }, sasl: null, clientId: 'test' }
  assert.throws(() => createKafka(connection, silent), {
    code: 'CONFIG_INVALID',
    message: /ssl\.ca.*\/nowhere\/ca\.pem/
  })
})

test("kafkajs's log lines are passed on without payloads, what is expected at start as debug", () => {
  const { logger, lines } = recorder()
  const connection = { brokers: ['127.0.0.1:1'], ssl: false, sasl: null, clientId: 'test' }
  const log = createKafka(connection, logger).logger()
  log.error('Connection error: refused', {
    broker: 'b:1',
    payload: 'secret',
    bytes: Buffer.from('secret'),
    retryCount: 2
  })
  log.error('Response GroupCoordinator', { error: 'The group coordinator is not available' })
  log.warn('This is odd')
  log.warn('Response without match')
  log.info('Consumer has joined the group')
  assert.deepEqual(
    lines.map(({ level, message }) => [level, message]),
    [
      ['error', 'Connection error: refused'],
      ['debug', 'Response GroupCoordinator'],
      ['warn', 'This is odd'],
      ['debug', 'Response without match'],
      ['debug', 'Consumer has joined the group']
    ]
  )
  assert.deepEqual(lines[0]?.fields, { client: 'kafkajs', broker: 'b:1', retryCount: 2 })
})

test('only the known warning is kept quiet', async () => {
  const seen: string[] = []
  const listener = (warning: Error) => void seen.push(warning.name)
  process.on('warning', listener)
  process.emitWarning('from a queue', 'TimeoutNegativeWarning')
  process.emitWarning('something else', 'OtherWarning')
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', listener)
  assert.deepEqual(seen, ['OtherWarning'])
})
