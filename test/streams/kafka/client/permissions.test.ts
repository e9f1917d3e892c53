import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import kafkajs, { type AclEntry } from 'kafkajs'
import { watchCompaction } from '../../../../src/streams/kafka/producer/compaction.ts'
import { KafkaSink } from '../../../../src/streams/kafka/producer/sink.ts'
import { kafka } from '../../../support/brokers.ts'
import { recorder } from '../../../support/loggers.ts'
import { numbered, type Running, startSource, until } from '../consumer/source-harness.ts'

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs

const password = 'wonderland'
const broker = await kafka({
  security: { protocol: 'sasl_plaintext', users: { alice: password } },
  properties: {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // The listener between the brokers, which the tools of the tests use.
    'super.users': 'User:ANONYMOUS',
    'allow.everyone.if.no.acl.found': true
  }
})
const { skip, tools } = broker
const connection = {
  ...broker.connection,
  sasl: { mechanism: 'scram-sha-512', username: 'alice', password }
} as const

/** Rules for one topic or group; a resource with any rule is closed to all whom no rule admits. */
function rule(
  kind: 'TOPIC' | 'GROUP',
  name: string,
  operation: 'ALL' | 'READ' | 'WRITE' | 'DESCRIBE',
  principal = 'User:alice'
): AclEntry {
  return {
    resourceType: AclResourceTypes[kind],
    resourceName: name,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal,
    host: '*',
    operation: AclOperationTypes[operation],
    permissionType: AclPermissionTypes.ALLOW
  }
}

async function allow(...acl: AclEntry[]): Promise<void> {
  await (await tools.admin()).createAcls({ acl })
}

/** Alice may do only this with a resource from now on. */
async function allowOnly(entry: AclEntry): Promise<void> {
  const { resourceType, resourceName, resourcePatternType, host } = entry
  await allow(entry)
  const filter = { resourceType, resourceName, resourcePatternType, host, principal: 'User:alice' }
  const permissionType = AclPermissionTypes.ALLOW
  const others = [AclOperationTypes.READ, AclOperationTypes.WRITE, AclOperationTypes.ALL]
  const filters = others.filter(operation => operation !== entry.operation)
  await (await tools.admin()).deleteAcls({
    filters: filters.map(operation => ({ ...filter, operation, permissionType }))
  })
}

const lines = ({ lines }: Pick<Running, 'lines'>, text: RegExp) =>
  lines.filter(({ level, message }) => level !== 'debug' && text.test(message))

test('without the right to describe its settings, nothing is said of a topic that is not compacted', {
  skip
}, async t => {
  const stopping = new AbortController()
  t.after(() => stopping.abort())
  const topic = await tools.topic()
  await allow(rule('TOPIC', topic, 'READ'))
  const { logger, lines } = recorder()
  const reason = watchCompaction({ connection, topic, logger, signal: stopping.signal, firstPause: 20 })
  await until('two looks', () => lines.filter(({ message }) => /not known/.test(message)).length >= 2)
  assert.ok(lines.every(({ level }) => level === 'debug'))
  assert.match(JSON.stringify(lines), /refused access/)
  assert.equal(reason(), null)
})

test('from latest, a topic that may be read later: what arrived since the start, and nothing older', {
  skip
}, async () => {
  const topic = await tools.topic()
  await allow(rule('TOPIC', topic, 'ALL', 'User:nobody'))
  await tools.produce(topic, numbered('old', 5))
  const running = startSource(connection, { group: tools.name('group'), from: 'latest', topics: [topic] })
  await until('the reason', () => running.source.health().reason === `not authorized to read ${topic}`)
  assert.equal(running.source.health().ready, false)
  await tools.produce(topic, numbered('waiting', 10))
  await allow(rule('TOPIC', topic, 'READ'))
  await until('what arrived', () => running.values.length >= 10)
  await tools.produce(topic, numbered('new', 5))
  await until('what is new', () => running.values.length >= 15)
  await until('no reason', () => running.source.health().reason === null)
  await running.source.stop()
  assert.deepEqual(
    running.values,
    [...numbered('waiting', 10), ...numbered('new', 5)].map(({ value }) => value)
  )
})

test('a topic that may not be read any more waits, the other one is read', { skip }, async () => {
  const [closed, open] = [await tools.topic(), await tools.topic()]
  const refused: string[] = []
  const running = startSource(connection, {
    group: tools.name('group'),
    topics: [closed, open],
    events: { onRefused: reason => refused.push(reason) }
  })
  await tools.produce(closed, numbered('a', 3))
  await until('the first', () => running.values.length >= 3)

  await allowOnly(rule('TOPIC', closed, 'DESCRIBE'))
  await tools.produce(closed, numbered('b', 3))
  await until('the reason', () => running.source.health().reason === `not authorized to read ${closed}`)
  await tools.produce(open, numbered('c', 3))
  await until('the other topic', () => running.values.filter(value => value.startsWith('c')).length >= 3)
  assert.deepEqual(running.source.health(), { ready: true, reason: `not authorized to read ${closed}` })
  assert.ok(refused.includes('authorization'))

  await allow(rule('TOPIC', closed, 'READ'))
  await until('the rest', () => running.values.length >= 9)
  await running.source.stop()
  assert.equal(new Set(running.values).size, 9)
})

test('a group that is denied is waited for', { skip }, async () => {
  const [topic, group] = [await tools.topic(), tools.name('group')]
  await tools.produce(topic, numbered('a', 3))
  await allow(rule('GROUP', group, 'ALL', 'User:nobody'))
  const refused: string[] = []
  const events = { onRefused: (reason: string) => refused.push(reason), onRestart: () => attempts++ }
  let attempts = 0
  const running = startSource(connection, { group, topics: [topic], events })
  await until('two attempts', () => attempts >= 2)
  await until('the reason', () => running.source.health().reason === `not authorized to read as group ${group}`)
  assert.equal(running.source.health().ready, false)
  assert.ok(refused.length > 0 && refused.every(reason => reason === 'authorization'))
  assert.equal(lines(running, /right to read the group is missing/).length, 1)
  await allow(rule('GROUP', group, 'READ'))
  await until('all', () => running.values.length >= 3)
  await running.source.stop()
})

test('an output topic that may not be written any more is waited for, and nothing is lost', { skip }, async t => {
  const topic = await tools.topic()
  const { logger, lines: logged } = recorder()
  const sink = new KafkaSink({ connection, logger })
  t.after(() => sink.close())
  const message = (value: string) => ({ topic, key: 'k', value: Buffer.from(value), headers: {} })
  await sink.send([message('0')])
  await allowOnly(rule('TOPIC', topic, 'DESCRIBE'))
  const sent = sink.send([message('1'), message('2')])
  await until('the reason', () => sink.reason() === `output topic ${topic}: TOPIC_AUTHORIZATION_FAILED`)
  await allow(rule('TOPIC', topic, 'WRITE'))
  await sent
  assert.equal(sink.reason(), null)
  assert.deepEqual(
    (await tools.read(topic, 3)).map(({ value }) => String(value)),
    ['0', '1', '2']
  )
  assert.equal(lines({ lines: logged }, /publishing failed/).length, 1)
})

test('credentials that stop working are waited for, by source and sink', { skip, timeout: 900_000 }, async t => {
  const { cluster } = broker
  const [node] = cluster?.nodes ?? []
  assert.ok(cluster && node)
  const { java, classPath } = cluster.installation
  const setPassword = async (text: string) => {
    const change = ['--alter', '--add-config', `SCRAM-SHA-512=[password=${text}]`, '--entity-type', 'users']
    const args = ['--bootstrap-server', cluster.internalBrokers.join(), ...change, '--entity-name', 'alice']
    await promisify(execFile)(java, ['-Xmx128m', '-cp', classPath, 'kafka.admin.ConfigCommand', ...args])
  }
  const [input, output] = [await tools.topic(), await tools.topic()]
  const refused: string[] = []
  const running = startSource(connection, {
    group: tools.name('group'),
    topics: [input],
    limits: { refusalFirst: 100, refusalLongest: 500 },
    events: { onRefused: reason => refused.push(reason) }
  })
  const sink = new KafkaSink({ connection, logger: recorder().logger })
  t.after(() => sink.close())
  const message = (value: string) => ({ topic: output, key: 'k', value: Buffer.from(value), headers: {} })
  await tools.produce(input, numbered('a', 2))
  await until('the first', () => running.values.length >= 2)
  await sink.send([message('0')])

  await setPassword('changed')
  // Connections that exist stay: the next ones have to log in.
  await node.stop()
  await node.start()
  await tools.untilGroupsWork()
  await tools.produce(input, numbered('b', 2))
  const sent = sink.send([message('1')])
  await until('the reason of the source', () => running.source.health().reason === 'credentials refused')
  await until('the reason of the sink', () => sink.reason() === 'output cluster refuses the credentials')
  await until('more attempts than a start would make', () => refused.length >= 8)
  assert.ok(refused.every(reason => reason === 'credentials'))
  assert.equal(lines(running, /refuses the credentials; waiting/).length, 1, 'one line, not one for each attempt')

  // The new password counts at once, and a restart would be another failure.
  await setPassword(password)
  await until('the rest', () => running.values.length >= 4)
  await sent
  await until('readiness', () => running.source.health().ready && sink.reason() === null)
  assert.equal(lines(running, /can be read again/).length, 1)
  await running.source.stop()
})
