import type { Kafka, Producer, ProducerConfig } from 'kafkajs'
import type { Compression } from '../../../../compression/compressors.ts'
import { equipBrokers, type Protocol } from '../../client/broker-hook.ts'
import type { KafkaLogger } from '../../client/connection.ts'
import type { KafkaCluster } from '../../client/topic-ids.ts'
import { encodeProduceRequest, type ProducedMessage, type ProduceRequest } from './produce-request.ts'

const produceKey = 0
/** Versions of the request with the same encoding (Kafka 0.11 and later). kafkajs has no later version. */
const [firstVersion, lastVersion] = [3, 7]

/** A produce request of kafkajs's producer. */
interface BrokerRequest {
  readonly transactionalId?: string | undefined
  readonly producerId: string | number
  readonly producerEpoch: number
  readonly acks?: number
  readonly timeout?: number
  readonly topicData: ProduceRequest['topics']
}

/** The undeclared members of a kafkajs broker that are used here. */
interface BrokerInternals {
  readonly connectionPool: { send(protocol: Protocol): Promise<unknown> }
  produce(request: BrokerRequest): Promise<unknown>
}

/** The undeclared member of a kafkajs cluster that finds the leaders of partitions: the partitions by the id of their leader. */
interface ClusterInternals {
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>
}

/** The undeclared member of a kafkajs client that creates the cluster of a producer. */
const isCreator = ({ description }: symbol) => description === 'private:Kafka:createCluster'

/**
 * Makes kafkajs's producers faster: their requests are encoded here ({@link encodeProduceRequest}). kafkajs remains the client for leaders,
 * sequence numbers and retries. If its internals are not as expected, kafkajs encodes the requests itself.
 */
export class ProduceEncoding {
  readonly #logger: KafkaLogger
  readonly #compression: Compression
  readonly #equipped = new WeakSet<object>()
  /** The first message of each batch that a broker has acknowledged. */
  readonly #acknowledged = new WeakSet<object>()
  /** The cluster of the last producer. */
  #cluster: ClusterInternals | null = null
  /** The request that kafkajs is about to make. */
  #next: ProduceRequest | null = null
  #warned = false

  constructor(logger: KafkaLogger, compression: Compression) {
    this.#logger = logger
    this.#compression = compression
  }

  /** A producer with these settings, none of which is an id of transactions. */
  producer(kafka: Kafka, config: ProducerConfig): Producer {
    const creator = Object.getOwnPropertySymbols(kafka).find(isCreator)
    const create: unknown = creator && Reflect.get(kafka, creator)
    if (creator === undefined || typeof create !== 'function') {
      this.#warn()
      return kafka.producer(config)
    }
    const createEquipped = (...given: unknown[]) => {
      const cluster = Reflect.apply(create, kafka, given) as KafkaCluster
      equipBrokers(cluster, this.#equipped, broker => this.#equip(broker))
      this.#cluster = cluster as unknown as ClusterInternals
      return cluster
    }
    Reflect.set(kafka, creator, createEquipped)
    try {
      return kafka.producer(config)
    } finally {
      Reflect.set(kafka, creator, create)
    }
  }

  /** The broker that leads a partition, as far as the last producer knows; null if it knows none. */
  leaderOf(topic: string, partition: number): string | null {
    try {
      return Object.keys(this.#cluster?.findLeaderForPartitions(topic, [partition]) ?? {})[0] ?? null
    } catch {
      // Before the first message of a topic, and during an election.
      return null
    }
  }

  /**
   * Whether a broker has acknowledged these messages. kafkajs does not tell: if it has to ask several brokers, because leaders have
   * changed, it rejects when one of them fails.
   */
  wasAcknowledged([first]: readonly ProducedMessage[]): boolean {
    return first !== undefined && this.#acknowledged.has(first)
  }

  #equip(broker: unknown): void {
    if (!isAsExpected(broker)) {
      this.#warn()
      return
    }
    const produce = broker.produce.bind(broker)
    broker.produce = request => {
      this.#equipPool(broker.connectionPool)
      this.#next = requestOf(request, this.#compression)
      // kafkajs gives the request to the pool before it first waits.
      const answer = produce(request)
      if (this.#next !== null) this.#warn()
      this.#next = null
      answer.then(
        () => this.#note(request),
        () => {}
      )
      return answer
    }
  }

  #note({ topicData }: BrokerRequest): void {
    for (const { partitions } of topicData) for (const { messages } of partitions) this.#acknowledged.add(messages[0]!)
  }

  /** When kafkajs reconnects to a broker, it may give it another connection pool. */
  #equipPool(pool: BrokerInternals['connectionPool']): void {
    if (this.#equipped.has(pool)) return
    this.#equipped.add(pool)
    const send = pool.send.bind(pool)
    pool.send = protocol => {
      const next = this.#next
      const { apiKey, apiVersion } = protocol.request
      if (next === null || apiKey !== produceKey) return send(protocol)
      this.#next = null
      return send(apiVersion < firstVersion || apiVersion > lastVersion ? protocol : encodedHere(protocol, next))
    }
  }

  #warn(): void {
    if (this.#warned) return
    this.#warned = true
    this.#logger.warn({}, 'kafkajs is not the version whose requests are encoded here; it encodes them itself')
  }
}

/** The same request for {@link encodeProduceRequest}; null if it belongs to a transaction. */
function requestOf(request: BrokerRequest, compression: Compression): ProduceRequest | null {
  const { transactionalId, producerId, producerEpoch, acks = -1, timeout = 30_000, topicData } = request
  if (transactionalId) return null
  return { topics: topicData, producerId: BigInt(producerId), producerEpoch, acks, timeout, compression }
}

/** The same request, encoded here in kafkajs's form of encoded bytes. */
function encodedHere(protocol: Protocol, request: ProduceRequest): Protocol {
  const encode = async () => {
    const buffer = await encodeProduceRequest(request)
    return { buf: buffer, buffer }
  }
  return { ...protocol, request: { ...protocol.request, ...{ encode } } }
}

function isAsExpected(broker: unknown): broker is BrokerInternals {
  const { connectionPool, produce } = broker as Partial<BrokerInternals>
  return [produce, connectionPool?.send].every(member => typeof member === 'function')
}
