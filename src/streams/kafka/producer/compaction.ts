import kafkajs, { type Admin } from 'kafkajs'
import { HieraxError } from '../../../errors.ts'
import { withAdmin } from '../client/admin.ts'
import { createKafka, retries } from '../client/client.ts'
import { debugOnly, type KafkaConnection, type KafkaLogger, kafkaError } from '../client/connection.ts'
import { backoff, pause } from '../client/timing.ts'

/** First and longest pause between two checks of a topic, ms. */
const firstPause = 60_000
const longestPause = 3_600_000

/** Options of {@link watchCompaction}. */
export interface CompactionWatchOptions {
  readonly connection: KafkaConnection
  readonly topic: string
  readonly logger: KafkaLogger
  /** Ends the watch. */
  readonly signal: AbortSignal
  /** First pause between two checks, ms; default: a minute. */
  readonly firstPause?: number
}

/**
 * Warns while a topic is not compacted: at once, and again after pauses that grow to an hour. Without the right to describe the topic's
 * settings there is no warning. Returns a function that gives the reason for not being ready, or null.
 */
export function watchCompaction(options: CompactionWatchOptions): () => string | null {
  const { connection, topic, logger, signal } = options
  const kafka = createKafka(connection, debugOnly(logger), retries.interactive)
  let problem: HieraxError | null = null

  const look = async (): Promise<void> => {
    const policy = await withAdmin(kafka, admin => cleanupPolicy(admin, topic))
    if (signal.aborted) return
    const before = problem
    problem = policy === 'compact' ? null : notCompacted(topic, policy)
    if (problem !== null) logger.warn({ topic, code: problem.code, reason: problem.message }, 'topic is not compacted')
    else if (before !== null) logger.info({ topic }, 'topic is compacted now')
  }
  const watch = async (): Promise<void> => {
    for (let looks = 1; !signal.aborted; looks++) {
      await look().catch(thrown => {
        const { message } = kafkaError(thrown, connection)
        logger.debug({ topic, reason: message }, 'not known whether the topic is compacted')
      })
      await pause(backoff(looks, options.firstPause ?? firstPause, longestPause), signal)
    }
  }
  void watch()
  return () => problem && `${topic} is not compacted`
}

function notCompacted(topic: string, policy: string): HieraxError {
  const message = `The topic ${topic} has cleanup.policy=${policy}: the last record of a key is removed with age`
  return new HieraxError('TOPIC_NOT_COMPACTED', message)
}

/** How the brokers clean up a topic: `compact`, `delete`, or both. Rejects without the right to describe its settings. */
export async function cleanupPolicy(admin: Admin, topic: string): Promise<string> {
  const name = 'cleanup.policy'
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: [name] }]
  })
  const found = resources[0]?.configEntries.find(({ configName }) => configName === name)
  if (found === undefined) throw new Error(`the cluster does not tell the ${name} of ${topic}`)
  return found.configValue
}
