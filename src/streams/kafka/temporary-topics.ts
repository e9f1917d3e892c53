import { createKafka, type KafkaConnection, kafkaError } from './client.ts'
import { ensureTopics, type TopicSpec, topicExists } from './topics.ts'

/** A person is waiting: gives up after some seconds, and what failed is told once. */
const retry = { initialRetryTime: 100, maxRetryTime: 1500, retries: 5 }
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Makes topics that are there for one run only; {@link removeTopics} takes them away again.
 *
 * @throws HieraxError KAFKA_UNAVAILABLE; TOPIC_NOT_CREATED when the cluster refuses
 */
export async function makeTopics(connection: KafkaConnection, topics: readonly TopicSpec[]): Promise<void> {
  const admin = createKafka(connection, silent, retry).admin()
  try {
    await admin.connect()
    await ensureTopics(admin, topics, silent)
  } catch (thrown) {
    throw kafkaError(thrown, connection)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

/** Removes topics, and a consumer group without members. Rejects where the cluster does not answer or refuses. */
export async function removeTopics(
  connection: KafkaConnection,
  topics: readonly string[],
  group: string
): Promise<void> {
  const admin = createKafka(connection, silent, retry).admin()
  try {
    await admin.connect()
    const existing: string[] = []
    for (const topic of topics) if (await topicExists(admin, topic)) existing.push(topic)
    await admin.deleteTopics({ topics: existing })
    await admin.deleteGroups([group])
  } catch (thrown) {
    throw kafkaError(thrown, connection)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
