import { randomBytes } from 'node:crypto'
import net from 'node:net'
import { Hierax } from 'hierax/app/hierax.ts'
import type { Config } from 'hierax/config/config.ts'
import { loadConfig } from 'hierax/config/load.ts'
import type { Classification } from 'hierax/messages/classification.ts'
import type { KafkaConnection } from 'hierax/streams/kafka/client.ts'
import { openPacketPublisher, type PacketPublisher } from 'hierax/streams/kafka/packet-publisher.ts'
import type { Logger } from 'hierax/telemetry/logger.ts'
import { MemoryLog } from '../memory-log/log.ts'
import type { DemoBroker } from './broker.ts'
import { connectInProcess, publishInProcess } from './in-process.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { createTemporaryTopics, deleteTemporaryTopics } from './temporary-topics.ts'

/** A running service with a way to send it packets. */
export interface Demo {
  readonly hierax: Hierax
  readonly publisher: PacketPublisher
  /** Topics of alerts and answers. */
  readonly input: string
  readonly output: string
}

/** What a demonstration is started with. */
export interface DemoParts {
  readonly broker: DemoBroker
  /** Port of HTTP; null for the usual one, or any where that is taken. */
  readonly port: number | null
  readonly logger: Logger
  readonly onClassifications: (bodies: readonly Classification[]) => void
  /** Takes what is to be done at the end; the last is to be done first. */
  readonly atEnd: (close: () => unknown) => void
}

const usualPort = 8080

/** Space on disk that a partition may take, bytes: a demonstration may run for days. */
const topicSettings = { 'retention.bytes': String(64 * 1024 * 1024), 'segment.bytes': String(16 * 1024 * 1024) }

/** Starts the service on a broker, with a store that goes when the process ends, and connects a publisher. */
export async function startDemo(parts: DemoParts): Promise<Demo> {
  const { broker, logger, onClassifications, atEnd } = parts
  const folder = temporaryFolder('hierax-demo-')
  atEnd(() => folder.remove())
  const config = configOf(broker, `lmdb:${folder.path}`, parts.port ?? ((await isFree(usualPort)) ? usualPort : 0))
  const [input] = config.input.topics as readonly [string]
  const output = config.output.classifications
  if (!broker.brokers) {
    const log = new MemoryLog()
    const hierax = await Hierax.start(config, { logger, onClassifications, connect: connectInProcess(log) })
    atEnd(() => hierax.stop())
    return { hierax, publisher: publishInProcess(log, input), input, output }
  }
  const connection = { brokers: broker.brokers, ssl: false, sasl: null, clientId: 'hierax-demo' }
  await prepareTopics(connection, config, parts)
  const hierax = await Hierax.start(config, { logger, onClassifications })
  atEnd(() => hierax.stop())
  const publisher = await openPacketPublisher({ connection, topic: input })
  atEnd(() => publisher.close())
  return { hierax, publisher, input, output }
}

async function prepareTopics(connection: KafkaConnection, config: Config, parts: DemoParts): Promise<void> {
  const { partitions, classifications, deadLetters } = config.output
  const topics = [...config.input.topics, classifications, deadLetters]
  const specs = topics.map(topic => ({ topic, partitions, settings: topicSettings }))
  await createTemporaryTopics(connection, specs)
  if (parts.broker.shared) parts.atEnd(() => deleteTemporaryTopics(connection, topics, config.input.group))
}

/** The service's settings: its defaults, but for what must be the demonstration's own. The environment has no say. */
function configOf(broker: DemoBroker, store: string, port: number): Config {
  const run = `hierax-demo-${randomBytes(3).toString('hex')}`
  const names = broker.shared
    ? {
        'input.group': run,
        'input.topics': [`${run}.alerts`],
        'output.classifications': `${run}.classifications`,
        'output.deadLetters': `${run}.dead-letters`
      }
    : { 'input.topics': ['ztf-demo'] }
  const brokers = broker.brokers ? { 'input.brokers': broker.brokers } : {}
  return loadConfig({ env: {}, overrides: { ...names, ...brokers, 'store.url': store, 'http.port': port } })
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = net.createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
