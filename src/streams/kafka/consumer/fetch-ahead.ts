import { equipBrokers, type Protocol } from '../client/broker-hook.ts'
import type { KafkaLogger } from '../client/connection.ts'
import type { FramePool } from '../client/frame-pool.ts'
import type { KafkaCluster } from '../client/topic-ids.ts'
import { decodeFetchResponse, type FetchedPartition, type FetchResponse, UnknownFormat } from './fetch-response.ts'
import type { SourceLimits } from './limits.ts'

const fetchKey = 1
/** kafkajs's latest version of the request; Kafka 2.3 and later. */
const fetchVersion = 11
/** A response that has waited this long (ms) is discarded: its partitions may have been replaced. */
const longestWait = 5000

/** A fetch request of kafkajs's consumer. */
interface FetchRequest {
  readonly maxBytes: number
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly fetchOffset: string
      readonly maxBytes: number
    }[]
  }[]
}

/** The undeclared members of a kafkajs connection that are used here. */
interface ConnectionInternals {
  readonly authHandlers: unknown
  readonly bytesBuffered: number
  readonly requestQueue: { fulfillRequest(response: object): void }
  processData(bytes: Buffer): void
  isConnected(): boolean
}

/** The undeclared members of a kafkajs broker that are used here. */
interface BrokerInternals {
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>>
  readonly connectionPool: {
    /** The second one is for fetches alone. */
    readonly pool: readonly ConnectionInternals[]
    send(protocol: Protocol): Promise<unknown>
  }
  fetch(request: FetchRequest): Promise<FetchResponse>
  isConnected(): boolean
}

/** The response to a request that kafkajs has not made yet. */
interface Ahead {
  /** The partitions and offsets of the request. */
  readonly key: string
  readonly answer: Promise<FetchResponse>
  /** When the response arrived, by `performance.now()`; −∞ if it is an error or has no messages; null while the request is in flight. */
  since: number | null
}

/**
 * Makes kafkajs's consumer faster: the next fetch is sent while the messages of the last one are being handled.
 *
 * When kafkajs asks for the same partitions and offsets, it gets the response that was fetched ahead. If it asks for others, that response is
 * discarded. An error that arrived before kafkajs asked is discarded too, and kafkajs sends its own request. Responses are decoded here
 * ({@link decodeFetchResponse}), which saves a copy. Their lists of messages hold frames of the pool until the messages have been handled or
 * the response is discarded.
 *
 * kafkajs remains the client for the group, offsets and leaders. If a broker is too old, or kafkajs's internals are not as expected, kafkajs
 * fetches without this class.
 */
export class FetchAhead {
  readonly #logger: KafkaLogger
  readonly #limits: Pick<SourceLimits, 'fetchBytes' | 'aheadBytes'>
  readonly #frames: FramePool
  readonly #equipped = new WeakSet<object>()
  #ahead = new Map<BrokerInternals, Ahead>()
  /** Number of fetches in flight or waiting for kafkajs. A discarded one counts until its response arrives. */
  #held = 0

  /** `frames`: the pool into which the consumer's connections read responses. */
  constructor(logger: KafkaLogger, limits: Pick<SourceLimits, 'fetchBytes' | 'aheadBytes'>, frames: FramePool) {
    this.#logger = logger
    this.#limits = limits
    this.#frames = frames
  }

  /** Equips all brokers that the consumer of this cluster uses from now on. */
  attach(cluster: KafkaCluster): void {
    equipBrokers(cluster, this.#equipped, broker => this.#equip(broker))
  }

  /** Discards the responses that kafkajs has not asked for yet. */
  drop(): void {
    for (const ahead of this.#ahead.values()) this.#discard(ahead)
    this.#ahead = new Map()
  }

  /** All messages of a kafkajs batch have been handled, and nobody reads them any more. */
  handled(batch: object): void {
    const { rawMessages } = batch as { readonly rawMessages?: FetchedPartition['messages'] }
    if (rawMessages !== undefined) this.#frames.end(rawMessages)
  }

  #equip(broker: unknown): void {
    if (!isAsExpected(broker)) {
      this.#logger.warn({}, 'kafkajs is not the version that fetching ahead was made for; fetching without it')
      return
    }
    if ((broker.versions[fetchKey]?.maxVersion ?? 0) < fetchVersion) return
    const fetch = broker.fetch.bind(broker)
    broker.fetch = async request => {
      this.#equipPool(broker.connectionPool)
      const answer = (await this.#take(broker, request)) ?? (await fetch(request))
      this.#askAhead(broker, fetch, nextRequest(request, answer))
      return answer
    }
  }

  /** When kafkajs reconnects to a broker, it may give it another connection pool. */
  #equipPool(pool: BrokerInternals['connectionPool']): void {
    if (this.#equipped.has(pool)) return
    this.#equipped.add(pool)
    for (const connection of pool.pool) passWhole(connection)
    const send = pool.send.bind(pool)
    pool.send = protocol => send(decodedHere(protocol, this.#frames))
  }

  /** The response that was fetched ahead, if it belongs to this request. */
  async #take(broker: BrokerInternals, request: FetchRequest): Promise<FetchResponse | null> {
    const ahead = this.#ahead.get(broker)
    this.#ahead.delete(broker)
    if (ahead === undefined) return null
    if (ahead.key === keyOf(request) && !isOutdated(ahead)) {
      this.#held--
      return ahead.answer
    }
    this.#discard(ahead)
    return null
  }

  /** Frees the frames of a response that kafkajs will not get. */
  #discard({ answer }: Ahead): void {
    const end = ({ responses }: FetchResponse) => {
      for (const { partitions } of responses) for (const { messages } of partitions) this.#frames.end(messages)
    }
    answer.then(end, () => {}).finally(() => this.#held--)
  }

  /** Discards responses that have waited too long: kafkajs may no longer fetch from their brokers. */
  #discardOutdated(): void {
    for (const [broker, ahead] of this.#ahead) {
      if (!isOutdated(ahead)) continue
      this.#ahead.delete(broker)
      this.#discard(ahead)
    }
  }

  #askAhead(broker: BrokerInternals, fetch: BrokerInternals['fetch'], request: FetchRequest | null): void {
    const { fetchBytes, aheadBytes } = this.#limits
    this.#discardOutdated()
    if (request === null || (this.#held + 1) * fetchBytes > aheadBytes) return
    // A new connection would be opened while the consumer may be closing it.
    if (!broker.isConnected() || !broker.connectionPool.pool[1]?.isConnected()) return
    this.#held++
    const ahead: Ahead = { key: keyOf(request), answer: fetch(request), since: null }
    this.#ahead.set(broker, ahead)
    void ahead.answer
      .then(
        ({ responses }) => !responses.every(({ partitions }) => partitions.every(isEmpty)),
        () => false
      )
      .then(isUsable => {
        ahead.since = isUsable ? performance.now() : Number.NEGATIVE_INFINITY
      })
  }
}

const isOutdated = ({ since }: Ahead) => since !== null && performance.now() - since > longestWait

const isEmpty = ({ messages }: { readonly messages: readonly unknown[] }) => messages.length === 0

const keyOf = ({ topics }: FetchRequest) => JSON.stringify(topics)

/** The request that kafkajs makes when all messages of `answer` have been handled; null if `answer` has none. */
function nextRequest(request: FetchRequest, answer: FetchResponse): FetchRequest | null {
  const next = new Map<string, string>()
  for (const { topicName, partitions } of answer.responses) {
    for (const { partition, messages } of partitions) {
      const last = messages.at(-1)
      if (last !== undefined) next.set(`${topicName}/${partition}`, String(BigInt(last.offset) + 1n))
    }
  }
  if (next.size === 0) return null
  const topics = request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(asked => ({
      ...asked,
      fetchOffset: next.get(`${topic}/${asked.partition}`) ?? asked.fetchOffset
    }))
  }))
  return { ...request, topics }
}

/** The same request, but responses of a known format are decoded here. kafkajs decodes the others. */
function decodedHere(protocol: Protocol, frames: FramePool): Protocol {
  const { request, response } = protocol
  if (request.apiKey !== fetchKey || request.apiVersion !== fetchVersion) return protocol
  const decode = async (bytes: Buffer) => {
    try {
      const answer = await decodeFetchResponse(bytes)
      frames.hold(bytes, viewsOf(bytes, answer))
      return answer
    } catch (error) {
      if (error instanceof UnknownFormat) return response.decode(bytes)
      throw error
    }
  }
  return { ...protocol, response: { ...response, decode } }
}

/** The lists of messages with views of these bytes. Messages of a compressed batch are copies, not views. */
function viewsOf({ buffer }: Buffer, { responses }: FetchResponse): FetchedPartition['messages'][] {
  const lists = responses.flatMap(({ partitions }) => partitions.map(({ messages }) => messages))
  return lists.filter(messages =>
    messages.some(({ key, value, headers }) =>
      [key, value, ...Object.values(headers).flat()].some(bytes => bytes?.buffer === buffer)
    )
  )
}

/** Passes whole responses on without the copy that kafkajs makes of each. */
function passWhole(connection: ConnectionInternals): void {
  const process = connection.processData.bind(connection)
  connection.processData = bytes => {
    const isWhole = bytes.length >= 8 && bytes.readInt32BE() === bytes.length - 4
    if (!isWhole || connection.authHandlers || connection.bytesBuffered > 0) return process(bytes)
    const size = bytes.length - 4
    connection.requestQueue.fulfillRequest({ size, correlationId: bytes.readInt32BE(4), payload: bytes.subarray(8) })
  }
}

function isAsExpected(broker: unknown): broker is BrokerInternals {
  const { versions, connectionPool, fetch, isConnected } = broker as Partial<BrokerInternals>
  const isFunction = (value: unknown) => typeof value === 'function'
  return (
    typeof versions === 'object' &&
    [fetch, isConnected, connectionPool?.send].every(isFunction) &&
    connectionPool?.pool?.length === 2 &&
    connectionPool.pool.every(
      ({ processData, isConnected, requestQueue, bytesBuffered, authHandlers }) =>
        isFunction(processData) &&
        isFunction(isConnected) &&
        isFunction(requestQueue?.fulfillRequest) &&
        typeof bytesBuffered === 'number' &&
        authHandlers !== undefined
    )
  )
}
