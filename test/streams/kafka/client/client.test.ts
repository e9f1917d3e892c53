import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKafka } from '../../../../src/streams/kafka/client/client.ts'
import type { KafkaConnection } from '../../../../src/streams/kafka/client/connection.ts'
import { KafkaSink } from '../../../../src/streams/kafka/producer/sink.ts'
import { kafka } from '../../../support/brokers.ts'
import { certificate } from '../../../support/certificates.ts'
import { recorder, silent } from '../../../support/loggers.ts'
import { until } from '../../../support/until.ts'
import { startSource } from '../consumer/source-harness.ts'

const users = { alice: 'wonderland' }
const serverTls = await certificate()
const clientTls = await certificate()
const sasl = await kafka({ security: { protocol: 'sasl_plaintext', users } })
const saslTls = await kafka({ security: { protocol: 'sasl_ssl', users, tls: serverTls } })
const plainOnly = await kafka({
  security: { protocol: 'sasl_plaintext', users },
  properties: { 'listener.name.client.sasl.enabled.mechanisms': 'PLAIN' }
})
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

async function refused(
  broker: typeof sasl,
  security: Security,
  message: RegExp,
  brokers = broker.brokers
): Promise<void> {
  const { logger, lines } = recorder()
  const connection = { ...broker.connection, brokers, ...security, role: 'output' } as const
  const sink = new KafkaSink({ connection, logger })
  try {
    await assert.rejects(sink.connect(), { code: 'KAFKA_UNAVAILABLE', message })
  } finally {
    await sink.close()
  }
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

test('TLS where none is expected, and none where it is: the error names the setting', {
  skip: mutualTls.skip
}, async () => {
  const ssl = { ca: serverTls.certFile, cert: clientTls.certFile, key: clientTls.keyFile }
  const wanted = /\(output\).* expects TLS.* set output\.ssl/
  await refused(mutualTls, { ssl: false, sasl: null }, wanted)
  await refused(saslTls, { ssl: false, sasl: credentials('plain') }, wanted)
  const internal = mutualTls.cluster?.internalBrokers
  await refused(mutualTls, { ssl, sasl: null }, /does not speak TLS, remove output\.ssl/, internal)
  await refused(sasl, { ssl: true, sasl: credentials('plain') }, /does not speak TLS, remove output\.ssl/)
})

test('SASL where none is expected, none where it is, or another one: the error names the setting', {
  skip: sasl.skip
}, async () => {
  await refused(sasl, { ssl: false, sasl: null }, /expects credentials, set output\.sasl/)
  await refused(saslTls, { ssl: { ca: serverTls.certFile }, sasl: null }, /expects credentials, set output\.sasl/)
  const scram = credentials('scram-sha-512')
  const internal = sasl.cluster?.internalBrokers
  await refused(sasl, { ssl: false, sasl: scram }, /takes no credentials: remove output\.sasl/, internal)
  const mechanism = /refused the credentials.*does not offer it: set output\.sasl\.mechanism/
  await refused(plainOnly, { ssl: false, sasl: scram }, mechanism)
  const connection = { ...plainOnly.connection, sasl: scram, role: 'input' } as const
  const running = startSource(connection, { group: plainOnly.tools.name('group'), topics: ['any'] })
  await assert.rejects(running.ended, { code: 'KAFKA_UNAVAILABLE', message: /set input\.sasl\.mechanism/ })
  assert.ok(running.lines.some(({ fields }) => /set input\.sasl\.mechanism/.test(JSON.stringify(fields))))
})

test('a source says which setting does not fit, and waits', { skip: mutualTls.skip }, async () => {
  const connection = { ...mutualTls.connection, ssl: true, role: 'input' } as const
  const running = startSource(connection, { group: mutualTls.tools.name('group'), topics: ['any'] })
  await until(() => running.source.health().reason === 'wrong security settings')
  const hinted = () =>
    running.lines.some(({ level, fields }) => level === 'warn' && /set input\.ssl\.ca/.test(JSON.stringify(fields)))
  await until(hinted)
  await running.source.stop()
})

test('a certificate that nobody vouches for is refused', { skip: mutualTls.skip }, async () => {
  await refused(mutualTls, { ssl: true, sasl: null }, /self-signed certificate.*set output\.ssl\.ca/)
  await refused(mutualTls, { ssl: { ca: clientTls.certFile }, sasl: null }, /certificate.*set output\.ssl\.ca/)
})

test('a client without the certificate that the cluster wants is refused', {
  skip: mutualTls.skip
}, async () => {
  await refused(
    mutualTls,
    { ssl: { ca: serverTls.certFile }, sasl: null },
    /set output\.ssl\.cert and output\.ssl\.key/
  )
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
  createKafka(connection, logger).logger().warn('This is odd')
  log.info('Consumer has joined the group')
  assert.deepEqual(
    lines.map(({ level, message }) => [level, message]),
    [
      ['error', 'Connection error: refused'],
      ['debug', 'Response GroupCoordinator'],
      ['warn', 'This is odd'],
      ['debug', 'Response without match'],
      ['debug', 'This is odd'],
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
