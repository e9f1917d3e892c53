import { setTimeout as sleep } from 'node:timers/promises'
import { ensureTopics, type TopicSpec, topicExists, withAdmin } from 'hierax/streams/kafka/client/admin.ts'
import { createKafka, retries } from 'hierax/streams/kafka/client/client.ts'
import { type KafkaConnection, kafkaError, silentLogger } from 'hierax/streams/kafka/client/connection.ts'
import type { Admin } from 'kafkajs'

/**
 * Creates topics for one run; {@link deleteTemporaryTopics} deletes them.
 *
 * @throws {HieraxError} KAFKA_UNAVAILABLE; TOPIC_NOT_CREATED when the cluster refuses.
 */
export function createTemporaryTopics(connection: KafkaConnection, topics: readonly TopicSpec[]): Promise<void> {
  return withInteractiveAdmin(connection, admin => ensureTopics(admin, topics, silentLogger))
}

/**
 * Deletes topics, and a consumer group once its members are gone.
 *
 * @throws {HieraxError} KAFKA_UNAVAILABLE when the cluster does not answer or refuses.
 */
export function deleteTemporaryTopics(
  connection: KafkaConnection,
  topics: readonly string[],
  group: string
): Promise<void> {
  return withInteractiveAdmin(connection, async admin => {
    const existing: string[] = []
    for (const topic of topics) if (await topicExists(admin, topic)) existing.push(topic)
    await admin.deleteTopics({ topics: existing })
    await deleteGroup(admin, group)
  })
}

async function withInteractiveAdmin(connection: KafkaConnection, work: (admin: Admin) => Promise<void>): Promise<void> {
  try {
    await withAdmin(createKafka(connection, silentLogger, retries.interactive), work)
  } catch (thrown) {
    throw kafkaError(thrown, connection)
  }
}

/** Attempts, one a second, while a group still has members: one that did not leave is evicted after ten seconds. */
const groupAttempts = 12
const nonEmptyGroup = 68
const groupNotFound = 69

async function deleteGroup(admin: Admin, group: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await admin.deleteGroups([group])
      return
    } catch (error) {
      const [result] = (error as { groups?: { errorCode: number }[] }).groups ?? []
      if (result?.errorCode === groupNotFound) return
      if (result?.errorCode !== nonEmptyGroup || attempt === groupAttempts) throw error
      await sleep(1000)
    }
  }
}
