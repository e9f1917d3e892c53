import { randomBytes } from 'node:crypto'
import net from 'node:net'
import { type RunningService, startService } from 'hierax/app/start-service.ts'
import type { Config } from 'hierax/config/config.ts'
import { loadConfig } from 'hierax/config/load.ts'
import type { Classification } from 'hierax/messages/classification.ts'
import type { KafkaConnection } from 'hierax/streams/kafka/client/connection.ts'
import { openPacketPublisher, type PacketPublisher } from 'hierax/streams/kafka/producer/packet-publisher.ts'
import type { Logger } from 'hierax/telemetry/logger.ts'
import { MemoryLog } from '../memory-log/memory-log.ts'
import type { DemoBroker } from './broker.ts'
import { connectInProcess, publishInProcess } from './in-process.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { createTemporaryTopics, deleteTemporaryTopics } from './temporary-topics.ts'

/** A running service and a publisher to its input topic. */
export interface Demo {
  readonly hierax: RunningService
  readonly publisher: PacketPublisher
  /** Topics of alerts and classifications. */
  readonly input: string
  readonly output: string
}

export interface DemoDeps {
  readonly broker: DemoBroker
  /** HTTP port; null for 8080, or any free port if that is taken. */
  readonly port: number | null
  readonly logger: Logger
  readonly onClassifications: (bodies: readonly Classification[]) => void
  /** Registers a cleanup step; the last registered runs first. */
  readonly atEnd: (close: () => unknown) => void
}

const defaultPort = 8080

/** Limits of a partition's size on disk, bytes: a demo may run for days. */
const topicSettings = { 'retention.bytes': String(64 * 1024 * 1024), 'segment.bytes': String(16 * 1024 * 1024) }

/** Starts the service on a broker, with a store that is removed when the process ends, and connects a publisher. */
export async function startDemo(deps: DemoDeps): Promise<Demo> {
  const { broker, logger, onClassifications, atEnd } = deps
  const folder = temporaryFolder('hierax-demo-')
  atEnd(() => folder.remove())
  const config = configOf(broker, `lmdb:${folder.path}`, deps.port ?? ((await isFree(defaultPort)) ? defaultPort : 0))
  const [input] = config.input.topics as readonly [string]
  const output = config.output.classifications
  if (!broker.brokers) {
    const log = new MemoryLog()
    const hierax = await startService(config, { logger, onClassifications, connect: connectInProcess(log) })
    atEnd(() => hierax.stop())
    return { hierax, publisher: publishInProcess(log, input), input, output }
  }
  const connection = { brokers: broker.brokers, ssl: false, sasl: null, clientId: 'hierax-demo' }
  await prepareTopics(connection, config, deps)
  const hierax = await startService(config, { logger, onClassifications })
  atEnd(() => hierax.stop())
  const publisher = await openPacketPublisher({ connection, topic: input })
  atEnd(() => publisher.close())
  return { hierax, publisher, input, output }
}

async function prepareTopics(connection: KafkaConnection, config: Config, deps: DemoDeps): Promise<void> {
  const { partitions, classifications, deadLetters } = config.output
  const topics = [...config.input.topics, classifications, deadLetters]
  const specs = topics.map(topic => ({ topic, partitions, settings: topicSettings }))
  await createTemporaryTopics(connection, specs)
  if (deps.broker.shared) deps.atEnd(() => deleteTemporaryTopics(connection, topics, config.input.group))
}

/** The service's defaults, except for addresses and names of the demo itself. Ignores the environment. */
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
  // Simulated objects may be observed later than now.
  const fixed = { 'input.maxFutureDays': 'none', 'store.url': store, 'http.port': port, 'http.cutouts': 200 }
  return loadConfig({ env: {}, overrides: { ...names, ...brokers, ...fixed } })
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = net.createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
