import { randomUUID } from 'node:crypto'
import type { Admin, Batch, Consumer, EachBatchPayload } from 'kafkajs'
import { HieraxError } from '../../errors.ts'
import { createKafka, type KafkaConnection, kafkaError } from './client.ts'
import { topicExists } from './topics.ts'

/** A message of the topic that is followed. */
export interface TailedMessage {
  readonly value: Buffer | null
  /** `topic/partition/offset`. */
  readonly source: string
}

/** What is followed, and until when. */
export interface TailOptions {
  readonly connection: KafkaConnection
  readonly topic: string
  /** Where it begins: with the oldest message, or with the first one after now. */
  readonly from: 'earliest' | 'latest'
  /** Ends at the end that the topic has now. */
  readonly untilEnd: boolean
  readonly signal: AbortSignal
}

/** A person is waiting for the first answer: gives up after some seconds. */
const firstRetry = { initialRetryTime: 100, maxRetryTime: 1500, retries: 5 }
const silent = { debug() {}, info() {}, warn() {}, error() {} }
/** How often the group hears of a reader that is slow to take a batch, ms. */
const beatMs = 3000

/** Where each partition is read on, and where it ends: offsets of the next message. */
type Positions = Map<number, { next: bigint; readonly end: bigint }>

/**
 * Follows a topic from outside: hands over its messages, batch by batch and in the order of each partition, until the
 * signal is aborted (or the end is reached). It commits nothing; its consumer group has a name that no other has and is
 * removed at the end. After an outage it goes on where it was.
 *
 * @throws HieraxError KAFKA_UNAVAILABLE, TOPIC_NOT_FOUND
 */
export async function followTopic(
  options: TailOptions,
  handle: (messages: readonly TailedMessage[]) => Promise<void>
): Promise<void> {
  const { connection, signal } = options
  const admin = createKafka(connection, silent, firstRetry).admin()
  const groupId = `hierax-tail-${randomUUID()}`
  const consumer = createKafka(connection, silent).consumer({
    groupId,
    sessionTimeout: 10_000,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 500
  })
  try {
    await admin.connect()
    const positions = await findPositions(admin, options)
    if (options.untilEnd && isAtEnd(positions)) return
    signal.throwIfAborted()
    await read(consumer, options, positions, handle)
  } catch (thrown) {
    if (!signal.aborted) throw kafkaError(thrown, connection)
  } finally {
    await consumer.disconnect().catch(() => {})
    // A group without commits is forgotten by the cluster in any case, only later.
    await admin.deleteGroups([groupId]).catch(() => {})
    await admin.disconnect().catch(() => {})
  }
}

/** Reads until it is to end; rejects when the consumer can't go on. */
async function read(
  consumer: Consumer,
  { topic, untilEnd, signal }: TailOptions,
  positions: Positions,
  handle: (messages: readonly TailedMessage[]) => Promise<void>
): Promise<void> {
  // Whenever the group forms anew, partitions would begin where the group says, which knows nothing.
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
      const beating = setInterval(() => void heartbeat().catch(() => {}), beatMs)
      try {
        await handle(unseen(batch, positions))
      } catch (thrown) {
        fail(thrown)
        return
      } finally {
        clearInterval(beating)
      }
      resolveOffset(batch.lastOffset())
      moveOn(batch, positions)
      if (untilEnd && isAtEnd(positions)) end()
    }
    consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch }).catch(fail)
  })
}

/** The messages that were not handed over yet: what comes again after an outage is left out. */
function unseen({ topic, partition, messages }: Batch, positions: Positions): TailedMessage[] {
  const next = positions.get(partition)?.next ?? 0n
  return messages
    .filter(message => BigInt(message.offset) >= next)
    .map(({ value, offset }) => ({ value, source: `${topic}/${partition}/${offset}` }))
}

function moveOn(batch: Batch, positions: Positions): void {
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
