// The server.properties of a node.
import fs from 'node:fs'
import path from 'node:path'

/** @typedef {import('./kafka-local.d.mts').NodeSettings} NodeSettings */

/** SASL mechanisms of the client listener. */
export const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']

/**
 * Listeners of one node: CLIENT for clients, INTERNAL (plaintext) between brokers, CONTROLLER for the quorum.
 * @param {NodeSettings} node
 */
function listeners({ ports, security }) {
  return {
    listeners: `CLIENT://127.0.0.1:${ports.client},INTERNAL://127.0.0.1:${ports.internal},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${ports.client},INTERNAL://127.0.0.1:${ports.internal}`,
    'listener.security.protocol.map': `CLIENT:${security.protocol.toUpperCase()},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER'
  }
}

/** @param {NodeSettings} node */
function sasl({ security }) {
  if (!security.protocol.startsWith('sasl')) return {}
  const users = Object.entries(security.users ?? {})
  const plain = users.map(([name, password]) => `user_${name}="${password}"`).join(' ')
  return {
    'listener.name.client.sasl.enabled.mechanisms': mechanisms.join(','),
    'listener.name.client.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${plain};`,
    'listener.name.client.scram-sha-256.sasl.jaas.config':
      'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'listener.name.client.scram-sha-512.sasl.jaas.config':
      'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  }
}

/** @param {NodeSettings} node */
function tls({ security, folder }) {
  if (!security.protocol.endsWith('ssl')) return {}
  if (security.tls === undefined) throw new TypeError('a TLS listener requires a key and a certificate')
  const keyStore = path.join(folder, 'keystore.pem')
  fs.writeFileSync(keyStore, `${security.tls.key.trim()}\n${security.tls.cert.trim()}\n`, { mode: 0o600 })
  const result = {
    'listener.name.client.ssl.keystore.type': 'PEM',
    'listener.name.client.ssl.keystore.location': keyStore
  }
  if (security.tls.clientCa === undefined) return result
  const trustStore = path.join(folder, 'truststore.pem')
  fs.writeFileSync(trustStore, `${security.tls.clientCa.trim()}\n`)
  return {
    ...result,
    'listener.name.client.ssl.client.auth': 'required',
    'listener.name.client.ssl.truststore.type': 'PEM',
    'listener.name.client.ssl.truststore.location': trustStore
  }
}

/**
 * The server.properties of one node, as text.
 * @param {NodeSettings} node
 */
export function serverProperties(node) {
  const { id, nodes, voters, data, extra } = node
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': voters,
    ...listeners(node),
    ...sasl(node),
    ...tls(node),
    'log.dirs': data,
    'default.replication.factor': Math.min(3, nodes),
    'offsets.topic.replication.factor': Math.min(3, nodes),
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': Math.min(3, nodes),
    'transaction.state.log.min.isr': Math.min(2, nodes),
    'transaction.state.log.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': false,
    'log.cleaner.dedupe.buffer.size': 2097152,
    // Short, as a killed node can only come back after its session; long enough for a node that is only slow.
    'broker.session.timeout.ms': 6000,
    'broker.heartbeat.interval.ms': 500,
    ...extra
  }
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('')
}
