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
  readonly topicData: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly firstSequence: number
      readonly messages: readonly ProducedMessage[]
    }[]
  }[]
}

/** The undeclared members of a kafkajs broker that are used here. */
interface BrokerInternals {
  readonly connectionPool: { send(protocol: Protocol): Promise<unknown> }
  produce(request: BrokerRequest): Promise<unknown>
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
  /** The request that kafkajs is about to make. */
  #next: ProduceRequest | null = null
  #warned = false

  constructor(logger: KafkaLogger, compression: Compression) {
    this.#logger = logger
    this.#compression = compression
  }

  /** An idempotent producer. Each call of its `send` is for one partition. */
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
      return cluster
    }
    Reflect.set(kafka, creator, createEquipped)
    try {
      return kafka.producer(config)
    } finally {
      Reflect.set(kafka, creator, create)
    }
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
      return answer
    }
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

/** The same request for {@link encodeProduceRequest}; null if it is not for exactly one partition. */
function requestOf(request: BrokerRequest, compression: Compression): ProduceRequest | null {
  const { transactionalId, producerId, producerEpoch, acks = -1, timeout = 30_000 } = request
  const [data, ...otherTopics] = request.topicData
  const [entry, ...otherPartitions] = data?.partitions ?? []
  if (transactionalId || !data || !entry || otherTopics.length > 0 || otherPartitions.length > 0) return null
  const producer = { producerId: BigInt(producerId), producerEpoch, acks, timeout }
  return { topic: data.topic, ...entry, ...producer, compression }
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
