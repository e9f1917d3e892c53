import { execFile } from 'node:child_process'
import { after } from 'node:test'
import { promisify } from 'node:util'
import {
  install,
  type KafkaCluster,
  KafkaLocalError,
  type KafkaLocalOptions,
  startKafka
} from '@hierax/tools/kafka-local/kafka-local.mjs'
import type { KafkaConnection } from '../../src/streams/kafka/client/connection.ts'
import { KafkaTools } from './kafka-tools.ts'
import { requireAll } from './shared.ts'

/** Image of the broker in Docker. */
const image = 'confluentinc/cp-kafka:7.9.1'

/** Requirements of a test. Any option requires a separate broker, which only the local Kafka provides. */
export interface TestKafkaOptions extends KafkaLocalOptions {
  /** A separate broker, to be killed and restarted. */
  readonly own?: boolean
}

/** A real Kafka for tests, or the reason to skip them. */
export interface TestKafka {
  /** For `test(name, { skip: kafka.skip }, …)`. */
  readonly skip: string | false
  /** `host:port` of each broker. */
  readonly brokers: string[]
  /** Nodes to kill and restart; null if the broker is shared. */
  readonly cluster: KafkaCluster | null
  /** Connection settings for Hierax (plaintext). */
  readonly connection: KafkaConnection
  /** Topics, messages and offsets; connected on first use, closed after the tests of the file. */
  readonly tools: KafkaTools
}

/** A running broker. */
export interface RunningKafka {
  readonly brokers: string[]
  /** Description of its origin. */
  readonly from: string
  readonly cluster: KafkaCluster | null
  stop(): Promise<void>
}

/** Whether a Docker engine responds, not only the client. */
async function dockerAnswers(): Promise<boolean> {
  try {
    await promisify(execFile)('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 10_000 })
    return true
  } catch {
    return false
  }
}

async function startContainer(): Promise<RunningKafka> {
  const { KafkaContainer } = await import('@testcontainers/kafka')
  const container = await new KafkaContainer(image).withKraft().start()
  const stop = async () => void (await container.stop())
  const brokers = [`${container.getHost()}:${container.getMappedPort(9093)}`]
  return { brokers, from: `Docker (${image})`, cluster: null, stop }
}

async function startLocal(options: KafkaLocalOptions): Promise<RunningKafka> {
  const cluster = await startKafka(options)
  const tools = new KafkaTools(cluster.internalBrokers)
  await tools.untilGroupsWork()
  await tools.close()
  return { brokers: cluster.brokers, from: `local Apache Kafka ${cluster.version}`, cluster, stop: cluster.stop }
}

/**
 * A broker without special requirements: `KAFKA_BROKERS`, else Docker, else a local Kafka. If there is none, a string that says
 * what is missing.
 */
export async function findKafka(): Promise<RunningKafka | string> {
  const named = process.env.KAFKA_BROKERS
  if (named !== undefined && named !== '')
    return { brokers: named.split(','), from: 'KAFKA_BROKERS', cluster: null, stop: async () => {} }
  if (await dockerAnswers()) return startContainer()
  // It is never killed, so a busy one must not be considered dead.
  return ownKafka({ properties: { 'broker.session.timeout.ms': 9000 } })
}

async function ownKafka(options: KafkaLocalOptions): Promise<RunningKafka | string> {
  const lacking = await missingForLocal(options.version)
  return lacking === null ? startLocal(options) : `needs Kafka: set KAFKA_BROKERS, or start Docker, or: ${lacking}`
}

/** What this machine lacks to run a local Kafka, or null; the test runner checks once and passes the result to the files. */
export async function missingForLocal(version?: string): Promise<string | null> {
  if (process.env.KAFKA_LOCAL_MISSING) return process.env.KAFKA_LOCAL_MISSING
  try {
    await install(version)
    return null
  } catch (error) {
    if (error instanceof KafkaLocalError) return error.message
    throw error
  }
}

/**
 * A real Kafka for the tests of one file, stopped after them; await it at the top of the file. With `HIERAX_REQUIRE_ALL=1` it
 * throws instead of skipping the tests.
 */
export async function kafka(options: TestKafkaOptions = {}): Promise<TestKafka> {
  const { own = Object.keys(options).length > 0, ...local } = options
  const found = own ? await ownKafka(local) : await findKafka()
  if (typeof found === 'string') {
    if (requireAll) throw new Error(`HIERAX_REQUIRE_ALL=1, but this test ${found}`)
    return unavailable(found)
  }
  const tools = new KafkaTools(found.cluster?.internalBrokers ?? found.brokers)
  after(async () => {
    await tools.close()
    await found.stop()
  })
  const connection = { brokers: found.brokers, ssl: false, sasl: null, clientId: 'hierax-test' }
  return { skip: false, brokers: found.brokers, cluster: found.cluster, connection, tools }
}

function unavailable(reason: string): TestKafka {
  const connection = { brokers: [], ssl: false, sasl: null, clientId: 'hierax-test' }
  return { skip: reason, brokers: [], cluster: null, connection, tools: new KafkaTools([]) }
}
