// A real Apache Kafka (KRaft) on loopback without Docker: one JVM per node, data in a temporary folder.
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { install, KafkaLocalError, runToEnd } from './installation.mjs'
import { LocalNode } from './node.mjs'
import { mechanisms, serverProperties } from './properties.mjs'

export { defaultVersion, install, KafkaLocalError } from './installation.mjs'

const clusterId = 'aGllcmF4LWxvY2FsLTAwMQ'

/** @param {number} port @returns {Promise<boolean>} whether the port is free */
function isFree(port) {
  return new Promise(resolve => {
    const server = net.createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/**
 * Free ports, below the system's range for outgoing connections, so that no connection takes a node's port while the
 * node restarts.
 * @param {number} count
 */
async function freePorts(count) {
  const ports = new Set()
  for (let attempt = 0; ports.size < count && attempt < 1000; attempt++) {
    const port = 12_000 + Math.floor(Math.random() * 18_000)
    if (!ports.has(port) && (await isFree(port))) ports.add(port)
  }
  if (ports.size < count) throw new KafkaLocalError('no free ports on 127.0.0.1')
  return [...ports]
}

/**
 * Formats the storage without the JVM of `kafka-storage format`, except for SCRAM passwords, which only the tool can salt.
 * @param {import('./kafka-local.d.mts').Installation} installation
 * @param {import('./kafka-local.d.mts').NodeSettings} settings
 * @param {string} propertiesFile
 */
async function format(installation, settings, propertiesFile) {
  const users = Object.entries(settings.security.users ?? {})
  if (users.length === 0) {
    const lines = ['version=1', `cluster.id=${clusterId}`, `node.id=${settings.id}`]
    fs.writeFileSync(path.join(settings.data, 'meta.properties'), `${lines.join('\n')}\n`)
    return
  }
  const scram = users.flatMap(([name, password]) =>
    mechanisms.slice(1).flatMap(mechanism => ['--add-scram', `${mechanism}=[name=${name},password=${password}]`])
  )
  const tool = ['-cp', installation.classPath, 'kafka.tools.StorageTool']
  const args = ['format', '-t', clusterId, '-c', propertiesFile, ...scram]
  const { code, output } = await runToEnd(installation.java, [...tool, ...args])
  if (code !== 0) throw new KafkaLocalError(`formatting Kafka's storage failed: ${output.slice(-600).trim()}`)
}

/**
 * Settings of all nodes of a cluster.
 * @param {string} folder @param {import('./kafka-local.d.mts').KafkaLocalOptions} options
 * @returns {Promise<import('./kafka-local.d.mts').NodeSettings[]>}
 */
async function planNodes(folder, { nodes = 1, port, properties = {}, security = { protocol: 'plaintext' } }) {
  const free = await freePorts(3 * nodes)
  const ports = Array.from({ length: nodes }, (_, i) => ({
    client: port === undefined ? free[3 * i] : port + i,
    internal: free[3 * i + 1],
    controller: free[3 * i + 2]
  }))
  const voters = ports.map(({ controller }, i) => `${i + 1}@127.0.0.1:${controller}`).join(',')
  return ports.map((own, i) => {
    const home = path.join(folder, `node-${i + 1}`)
    const data = path.join(home, 'data')
    fs.mkdirSync(data, { recursive: true })
    return { id: i + 1, nodes, voters, folder: home, data, ports: own, security, extra: properties }
  })
}

/** @param {import('./kafka-local.d.mts').KafkaLocalOptions} [options] */
export async function startKafka(options = {}) {
  const installation = await install(options.version)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-kafka-'))
  const plan = await planNodes(folder, options)
  const nodes = plan.map(settings => new LocalNode(installation, settings, folder))
  const stop = async () => {
    await Promise.all(nodes.map(node => node.stop()))
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    await Promise.all(
      plan.map(async (settings, i) => {
        const file = path.join(settings.folder, 'server.properties')
        fs.writeFileSync(file, serverProperties(settings))
        await format(installation, settings, file)
        await nodes[i].start()
      })
    )
  } catch (error) {
    await Promise.all(nodes.map(node => node.kill()))
    await stop()
    throw error
  }
  return {
    version: installation.version,
    brokers: nodes.map(node => node.broker),
    internalBrokers: plan.map(({ ports }) => `127.0.0.1:${ports.internal}`),
    nodes,
    folder,
    installation,
    stop
  }
}
