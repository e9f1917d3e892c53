import { randomUUID } from 'node:crypto'
import type { Admin, Batch, Consumer, EachBatchPayload } from 'kafkajs'
import { HieraxError } from '../../../errors.ts'
import { topicExists, withAdmin } from '../client/admin.ts'
import { createKafka, retries } from '../client/client.ts'
import { type KafkaConnection, kafkaError, silentLogger } from '../client/connection.ts'

/** A message of the followed topic. */
export interface TailedMessage {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, unknown>>
  /** `topic/partition/offset`. */
  readonly source: string
}

/** What to follow, and until when. */
export interface TailOptions {
  readonly connection: KafkaConnection
  readonly topic: string
  /** Prefix of the consumer group's name. */
  readonly groupPrefix: string
  /** Whether to start at the oldest message or after the newest one. */
  readonly from: 'earliest' | 'latest'
  /** Stop at the current end of the topic. */
  readonly untilEnd: boolean
  readonly signal: AbortSignal
}

/** Interval of heartbeats while a batch is handled, ms. */
const heartbeatInterval = 3000

/** By partition, the offset of the next message, and the offset at which `untilEnd` stops. */
type Positions = Map<number, { next: bigint; readonly end: bigint }>

/**
 * Follows a topic as a subscriber does: hands over its messages batch by batch, in the order of each partition, until the
 * signal is aborted (or the end is reached). It commits nothing. Its consumer group has a unique name and is deleted at
 * the end. After an outage it resumes where it was.
 *
 * @throws HieraxError KAFKA_UNAVAILABLE, TOPIC_NOT_FOUND
 */
export async function followTopic(
  options: TailOptions,
  handle: (messages: readonly TailedMessage[]) => Promise<void>
): Promise<void> {
  const { connection, signal } = options
  try {
    await withAdmin(createKafka(connection, silentLogger, retries.interactive), async admin => {
      const positions = await findPositions(admin, options)
      if (options.untilEnd && isAtEnd(positions)) return
      signal.throwIfAborted()
      await readAsGroup(admin, options, positions, handle)
    })
  } catch (thrown) {
    if (!signal.aborted) throw kafkaError(thrown, connection)
  }
}

async function readAsGroup(
  admin: Admin,
  options: TailOptions,
  positions: Positions,
  handle: (messages: readonly TailedMessage[]) => Promise<void>
): Promise<void> {
  const groupId = `${options.groupPrefix}${randomUUID()}`
  const consumer = createKafka(options.connection, silentLogger).consumer({
    groupId,
    sessionTimeout: 10_000,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 500
  })
  try {
    await read(consumer, options, positions, handle)
  } finally {
    await consumer.disconnect().catch(() => undefined)
    // Without this, the cluster removes a group without commits later.
    await admin.deleteGroups([groupId]).catch(() => undefined)
  }
}

/** Reads until the end or the signal; rejects when the consumer fails for good. */
async function read(
  consumer: Consumer,
  { topic, untilEnd, signal }: TailOptions,
  positions: Positions,
  handle: (messages: readonly TailedMessage[]) => Promise<void>
): Promise<void> {
  // The group has no committed offsets, so the positions must be set after every rebalance.
  consumer.on(consumer.events.GROUP_JOIN, () => {
    for (const [partition, { next }] of positions) consumer.seek({ topic, partition, offset: String(next) })
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((end, fail) => {
    signal.addEventListener('abort', () => end(), { once: true })
    if (signal.aborted) end()
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      if (!restart) fail(error)
    })
    const eachBatch = async ({ batch, heartbeat, resolveOffset }: EachBatchPayload): Promise<void> => {
      if (signal.aborted) return
      const heartbeats = setInterval(() => void heartbeat().catch(() => undefined), heartbeatInterval)
      try {
        await handle(unseen(batch, positions))
      } catch (thrown) {
        fail(thrown)
        return
      } finally {
        clearInterval(heartbeats)
      }
      resolveOffset(batch.lastOffset())
      advance(batch, positions)
      if (untilEnd && isAtEnd(positions)) end()
    }
    consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch }).catch(fail)
  })
}

/** The messages that have not been handled yet. After an outage, handled messages are fetched again and left out here. */
function unseen({ topic, partition, messages }: Batch, positions: Positions): TailedMessage[] {
  const next = positions.get(partition)?.next ?? 0n
  return messages
    .filter(message => BigInt(message.offset) >= next)
    .map(({ key, value, headers = {}, offset }) => ({ key, value, headers, source: `${topic}/${partition}/${offset}` }))
}

function advance(batch: Batch, positions: Positions): void {
  const end = positions.get(batch.partition)?.end ?? 0n
  positions.set(batch.partition, { next: BigInt(batch.lastOffset()) + 1n, end })
}

function isAtEnd(positions: Positions): boolean {
  return [...positions.values()].every(({ next, end }) => next >= end)
}

async function findPositions(admin: Admin, { topic, from, connection }: TailOptions): Promise<Positions> {
  if (!(await topicExists(admin, topic))) {
    const where = connection.brokers.join(', ')
    throw new HieraxError('TOPIC_NOT_FOUND', `there is no topic ${JSON.stringify(topic)} at ${where}`)
  }
  const offsets = await admin.fetchTopicOffsets(topic)
  return new Map(
    offsets.map(({ partition, low, high }) => [
      partition,
      { next: BigInt(from === 'earliest' ? low : high), end: BigInt(high) }
    ])
  )
}
