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
import type { KafkaConnection } from '../../src/streams/kafka/client.ts'
import { KafkaTools } from './kafka-tools.ts'
import { requireAll } from './shared.ts'

/** Image for the broker where Docker is there. */
const image = 'confluentinc/cp-kafka:7.9.1'

/** What a test asks for. Anything but the default needs a broker of its own, which only the local Kafka gives. */
export interface TestKafkaOptions extends KafkaLocalOptions {
  /** A broker of its own, to be killed and restarted. */
  readonly own?: boolean
}

/** A real Kafka for tests, or the reason why there is none. */
export interface TestKafka {
  /** For `test(name, { skip: kafka.skip }, …)`. */
  readonly skip: string | false
  /** `host:port` of each broker. */
  readonly brokers: string[]
  /** Nodes to kill and restart; null when the broker is not the test's own. */
  readonly cluster: KafkaCluster | null
  /** How Hierax would reach it (plaintext). */
  readonly connection: KafkaConnection
  /** Topics, messages and offsets; connected on first use, closed after the file's tests. */
  readonly tools: KafkaTools
}

/** A broker that runs, and how to end it. */
export interface RunningKafka {
  readonly brokers: string[]
  /** For people: where it comes from. */
  readonly from: string
  readonly cluster: KafkaCluster | null
  stop(): Promise<void>
}

/** Whether a Docker engine (not only its client) answers. */
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
  return { brokers: cluster.brokers, from: `local Apache Kafka ${cluster.version}`, cluster, stop: cluster.stop }
}

/**
 * A broker for the default needs: `KAFKA_BROKERS`, else Docker, else a local Kafka. A string says what is missing for
 * any of them.
 */
export async function findKafka(): Promise<RunningKafka | string> {
  const named = process.env.KAFKA_BROKERS
  if (named !== undefined && named !== '')
    return { brokers: named.split(','), from: 'KAFKA_BROKERS', cluster: null, stop: async () => {} }
  if (await dockerAnswers()) return startContainer()
  // Nobody kills it: one that is busy is not to count as gone.
  return ownKafka({ properties: { 'broker.session.timeout.ms': 9000 } })
}

async function ownKafka(options: KafkaLocalOptions): Promise<RunningKafka | string> {
  const lacking = await missingForLocal(options.version)
  return lacking === null ? startLocal(options) : `needs Kafka: set KAFKA_BROKERS, or start Docker, or: ${lacking}`
}

/** What this machine lacks to run a local Kafka; the runner looks once and tells the files. */
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
 * A real Kafka for the tests of one file; call it at the top of the file with `await`. It is stopped after them. With
 * `HIERAX_REQUIRE_ALL=1` it throws where it would make the tests skip.
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
