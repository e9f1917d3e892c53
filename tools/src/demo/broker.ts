import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The broker that carries the demo's messages. */
export interface DemoBroker {
  /** Shown to the user. */
  readonly description: string
  /** `host:port` of each; null for the in-process log. */
  readonly brokers: readonly string[] | null
  /** Whether it was already running, so that others may use it. */
  readonly shared: boolean
  stop(): Promise<void>
}

export interface BrokerSearch {
  /** Brokers given by the user; null if none. */
  readonly given: readonly string[] | null
  /** Aborts a slow start. */
  readonly signal: AbortSignal
  /** Reports slow steps and failed attempts to the user. */
  readonly report: (line: string) => void
}

/** Starts a broker; rejects with a reason that is shown to the user. */
export type StartBroker = (search: BrokerSearch) => Promise<DemoBroker>

const image = 'confluentinc/cp-kafka:7.9.1'

/** Time limit for downloading Kafka, ms: a new user should see something within a minute. */
const downloadLimit = 40_000

/** Only present in a checkout, so not imported statically. */
const localKafka = new URL('../../kafka-local/kafka-local.mjs', import.meta.url)
const containers: string = '@testcontainers/kafka'

/** The fallback that always works. */
export const inProcess: DemoBroker = {
  description: 'an in-process log in place of Kafka',
  brokers: null,
  shared: false,
  stop: async () => {}
}

/**
 * Finds or starts a broker: the given ones, else Kafka in Docker, else a local Apache Kafka, else the in-process log. Rejects
 * only when `signal` is aborted.
 */
export async function findBroker(
  search: BrokerSearch,
  starts: readonly StartBroker[] = [startContainer, startLocal]
): Promise<DemoBroker> {
  if (search.given) return { description: 'Kafka', brokers: search.given, shared: true, stop: async () => {} }
  const reasons: string[] = []
  for (const start of starts) {
    try {
      return await start(search)
    } catch (thrown) {
      search.signal.throwIfAborted()
      reasons.push(thrown instanceof Error ? thrown.message : String(thrown))
    }
  }
  return { ...inProcess, description: `${inProcess.description} (${reasons.map(firstLine).join('; ')})` }
}

/** Kafka in a container. The helper of testcontainers removes it even if this process is killed. */
async function startContainer({ report }: BrokerSearch): Promise<DemoBroker> {
  await promisify(execFile)('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 10_000 }).catch(() => {
    throw new Error('Docker is not running')
  })
  const { KafkaContainer } = (await import(containers).catch(() => {
    throw new Error('testcontainers is not installed')
  })) as Testcontainers
  report(`Starting Kafka in Docker (${image}; downloaded on the first run) …`)
  const container = await new KafkaContainer(image)
    .withKraft()
    .withEnvironment({ KAFKA_LOG_RETENTION_CHECK_INTERVAL_MS: '10000', KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0' })
    .start()
    .catch((cause: Error) => {
      report(`Docker could not start Kafka: ${firstLine(cause.message)}`)
      throw new Error('Docker could not start Kafka', { cause })
    })
  return {
    description: `Kafka in Docker (${image}), started for this demo`,
    brokers: [`${container.getHost()}:${container.getMappedPort(9093)}`],
    shared: false,
    stop: async () => void (await container.stop())
  }
}

/** Apache Kafka without Docker; requires Java, and Maven on the first run. */
async function startLocal({ signal, report }: BrokerSearch): Promise<DemoBroker> {
  if (!fs.existsSync(fileURLToPath(localKafka))) throw new Error('local Kafka is available only in a checkout')
  const { install, startKafka } = (await import(localKafka.href)) as KafkaLocal
  const slow = setTimeout(() => report('Downloading Apache Kafka (46 MB, by Maven, once) …'), 2000)
  try {
    await install(undefined, AbortSignal.any([signal, AbortSignal.timeout(downloadLimit)]))
  } finally {
    clearTimeout(slow)
  }
  signal.throwIfAborted()
  report('Starting a local Apache Kafka …')
  // A demo may run for days: the topics' size limits are applied often.
  const cluster = await startKafka({ properties: { 'log.retention.check.interval.ms': 10_000 } })
  return {
    description: `a local Apache Kafka ${cluster.version}, started for this demo`,
    brokers: cluster.brokers,
    shared: false,
    stop: cluster.stop
  }
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 200)
}

/** The part of `@testcontainers/kafka` that is used. */
interface Testcontainers {
  readonly KafkaContainer: new (image: string) => ContainerBuilder
}

interface ContainerBuilder {
  withKraft(): ContainerBuilder
  withEnvironment(variables: Record<string, string>): ContainerBuilder
  start(): Promise<{ getHost(): string; getMappedPort(port: number): number; stop(): Promise<unknown> }>
}

/** The part of `tools/kafka-local` that is used. */
interface KafkaLocal {
  install(version: string | undefined, signal: AbortSignal): Promise<unknown>
  startKafka(options: {
    readonly properties: Readonly<Record<string, string | number>>
  }): Promise<{ readonly version: string; readonly brokers: string[]; stop(): Promise<void> }>
}
