import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A log for the demonstration's messages, and how to end it. */
export interface DemoBroker {
  /** For people: what it is. */
  readonly description: string
  /** `host:port` of each; null for the stand-in in this process. */
  readonly brokers: readonly string[] | null
  /** Whether it was there before, and others may use it. */
  readonly shared: boolean
  stop(): Promise<void>
}

/** What a broker is looked for with. */
export interface BrokerSearch {
  /** Brokers that were named; null for none. */
  readonly named: readonly string[] | null
  /** Ends a start that takes long. */
  readonly signal: AbortSignal
  /** Tells people what takes so long, or why something was passed over. */
  readonly say: (line: string) => void
}

/** A way to get a broker; rejects with the reason, for people, where it can't. */
export type BrokerKind = (search: BrokerSearch) => Promise<DemoBroker>

/** Image for the broker where Docker is there. */
const image = 'confluentinc/cp-kafka:7.9.1'

/** How long Kafka may take to be fetched, ms: a newcomer is to see something within a minute. */
const fetchLimit = 40_000

/** Modules that come with a checkout only, and so are not imported by name. */
const localKafka = new URL('../../kafka-local/kafka-local.mjs', import.meta.url)
const containers: string = '@testcontainers/kafka'

/** The stand-in that always works. */
export const inProcess: DemoBroker = {
  description: 'an in-process stand-in for Kafka',
  brokers: null,
  shared: false,
  stop: async () => {}
}

/**
 * Finds a broker or starts one: those that were named, else Docker, else a local Apache Kafka, else a stand-in in this
 * process. Rejects only when `signal` is aborted.
 */
export async function findBroker(
  search: BrokerSearch,
  kinds: readonly BrokerKind[] = [startContainer, startLocal]
): Promise<DemoBroker> {
  if (search.named) return { description: 'Kafka', brokers: search.named, shared: true, stop: async () => {} }
  const reasons: string[] = []
  for (const kind of kinds) {
    try {
      return await kind(search)
    } catch (thrown) {
      search.signal.throwIfAborted()
      reasons.push(thrown instanceof Error ? thrown.message : String(thrown))
    }
  }
  const why = reasons.map(reason => firstLine(reason)).join('; ')
  return { ...inProcess, description: `${inProcess.description} (${why})` }
}

/** Kafka in a container, by testcontainers, whose helper removes it should we die. */
async function startContainer({ say }: BrokerSearch): Promise<DemoBroker> {
  await promisify(execFile)('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 10_000 }).catch(() => {
    throw new Error('Docker does not answer')
  })
  const { KafkaContainer } = (await import(containers).catch(() => {
    throw new Error('testcontainers is not installed')
  })) as Testcontainers
  say(`Starting Kafka in Docker (${image}; fetched on the first run) …`)
  const container = await new KafkaContainer(image)
    .withKraft()
    .withEnvironment({ KAFKA_LOG_RETENTION_CHECK_INTERVAL_MS: '10000', KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0' })
    .start()
    .catch((cause: Error) => {
      say(`Docker could not start Kafka: ${firstLine(cause.message)}`)
      throw new Error('Docker could not start Kafka', { cause })
    })
  return {
    description: `Kafka in Docker (${image}), started for this demo`,
    brokers: [`${container.getHost()}:${container.getMappedPort(9093)}`],
    shared: false,
    stop: async () => void (await container.stop())
  }
}

/** A real Kafka without Docker: needs Java, and Maven on the first run. */
async function startLocal({ signal, say }: BrokerSearch): Promise<DemoBroker> {
  if (!fs.existsSync(fileURLToPath(localKafka))) throw new Error('no local Kafka outside of a checkout')
  const { install, startKafka } = (await import(localKafka.href)) as KafkaLocal
  const slow = setTimeout(() => say('Fetching Apache Kafka once (46 MB, by Maven) …'), 2000)
  try {
    await install(undefined, AbortSignal.any([signal, AbortSignal.timeout(fetchLimit)]))
  } finally {
    clearTimeout(slow)
  }
  signal.throwIfAborted()
  say('Starting a local Apache Kafka …')
  // Space on disk is looked after often: a demonstration may run for days.
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

/** What is used of `@testcontainers/kafka`. */
interface Testcontainers {
  readonly KafkaContainer: new (image: string) => ContainerBuilder
}

interface ContainerBuilder {
  withKraft(): ContainerBuilder
  withEnvironment(variables: Record<string, string>): ContainerBuilder
  start(): Promise<{ getHost(): string; getMappedPort(port: number): number; stop(): Promise<unknown> }>
}

/** What is used of `tools/kafka-local`. */
interface KafkaLocal {
  install(version: string | undefined, signal: AbortSignal): Promise<unknown>
  startKafka(options: {
    readonly properties: Readonly<Record<string, string | number>>
  }): Promise<{ readonly version: string; readonly brokers: string[]; stop(): Promise<void> }>
}
