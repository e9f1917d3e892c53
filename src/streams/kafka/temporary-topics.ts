import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
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

/** How often a group is looked at that still has a member, once a second: one that did not leave is missed after ten. */
const groupLooks = 12

/** Answers of a broker that is to remove a group. */
const nonEmptyGroup = 68
const groupNotFound = 69

async function removeGroup(admin: Admin, group: string): Promise<void> {
  for (let looks = 1; ; looks++) {
    try {
      await admin.deleteGroups([group])
      return
    } catch (error) {
      const [answer] = (error as { groups?: { errorCode: number }[] }).groups ?? []
      if (answer?.errorCode === groupNotFound) return
      if (answer?.errorCode !== nonEmptyGroup || looks === groupLooks) throw error
      await sleep(1000)
    }
  }
}

/** Removes topics, and a consumer group once its members are gone. Rejects where the cluster does not answer or refuses. */
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
    await removeGroup(admin, group)
  } catch (thrown) {
    throw kafkaError(thrown, connection)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
