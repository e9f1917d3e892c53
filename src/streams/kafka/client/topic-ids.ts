import kafkajs, { type Broker, type Kafka, type PartitionAssigner } from 'kafkajs'

/** A client's view of a cluster, as kafkajs gives it to an assigner. */
export type KafkaCluster = Parameters<PartitionAssigner>[0]['cluster']

/** What a broker says about a topic that exists. */
export interface TopicDescription {
  /** Cluster and topic id, `CLUSTER/UUID`: a topic that is deleted and created again has another one (KIP-516). */
  readonly id: string
  /** Whether this client may read its messages. */
  readonly readable: boolean
}

/** Whether two ids of the same topic name belong to different topics on one cluster. Ids of different clusters are not compared. */
export function isOtherTopic(before: string | null, now: string | null): boolean {
  if (before === null || now === null || before === now) return false
  return before.split('/')[0] === now.split('/')[0]
}

const metadataKey = 3
/** The first version of the metadata request whose response has topic ids (Kafka 2.8 and later). kafkajs knows versions up to 6. */
const metadataVersion = 10
const uuidBytes = 16
/** The bit of READ in a set of operations, and the value of a broker that does not report operations. */
const readOperation = 1 << 3
const unknownOperations = -(2 ** 31)

/** The undeclared members of a kafkajs broker that are used here. */
interface BrokerInternals {
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>> | null
  readonly connectionPool: { send<T>(protocol: Protocol<T>): Promise<T> }
}

/** The undeclared member of a kafkajs cluster that finds a broker without a request for topics. */
interface ClusterInternals {
  readonly brokerPool: { findConnectedBroker(): Promise<Broker & BrokerInternals> }
}

interface Protocol<T> {
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly apiName: string
    encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>
  }
  readonly response: { decode(bytes: Buffer): Promise<T>; parse(data: T): Promise<T> }
}

/**
 * Describes the topics that exist, over a connection that kafkajs has to a broker. Empty if the brokers do not know topic ids.
 * Rejects if no broker answers.
 */
export async function describeTopics(
  cluster: KafkaCluster,
  topics: readonly string[]
): Promise<Map<string, TopicDescription>> {
  return (await requestTopics(await cluster.findControllerBroker(), topics)) ?? new Map()
}

/**
 * Names of all topics that a client may see, read over a separate connection. Unlike kafkajs's own request, it does not fail because of a
 * single topic. Null if the brokers do not know topic ids. Rejects if no broker answers.
 */
export async function listTopics(kafka: Kafka): Promise<string[] | null> {
  let cluster: (KafkaCluster & Partial<ClusterInternals>) | undefined
  const capture: PartitionAssigner = given => {
    cluster = given.cluster
    return kafkajs.PartitionAssigners.roundRobin(given)
  }
  // kafkajs passes its cluster only to the assigners of a consumer. This consumer joins no group.
  const client = kafka.consumer({ groupId: 'none', partitionAssigners: [capture] })
  try {
    await client.connect()
    const broker = await cluster?.brokerPool?.findConnectedBroker()
    const described = broker && (await requestTopics(broker, null))
    return described ? [...described.keys()] : null
  } finally {
    await client.disconnect().catch(() => undefined)
  }
}

/** The topics that exist, of those named or of all (null); null if the brokers do not know topic ids. */
async function requestTopics(
  broker: Broker & Partial<BrokerInternals>,
  topics: readonly string[] | null
): Promise<Map<string, TopicDescription> | null> {
  const { versions, connectionPool } = broker
  if (!connectionPool || (versions?.[metadataKey]?.maxVersion ?? 0) < metadataVersion) return null
  return connectionPool.send({
    request: {
      apiKey: metadataKey,
      apiVersion: metadataVersion,
      apiName: 'Metadata',
      async encode() {
        const buffer = metadataRequest(topics)
        return { buf: buffer, buffer }
      }
    },
    response: { decode: async bytes => topicsOfMetadata(bytes), parse: async data => data }
  })
}

/** A metadata request of version 10 for the given topics, or for all (null), starting at the tags of its header. */
export function metadataRequest(topics: readonly string[] | null): Buffer {
  const noTags = Buffer.from([0])
  // Length of the array plus one; 0 means null.
  const parts = [noTags, unsignedVarint(topics === null ? 0 : topics.length + 1)]
  for (const topic of topics ?? []) {
    const name = Buffer.from(topic)
    parts.push(Buffer.alloc(uuidBytes), unsignedVarint(name.length + 1), name, noTags)
  }
  // Create no topics; report the allowed operations on topics, but not those on the cluster.
  return Buffer.concat([...parts, Buffer.from([0, 0, 1]), noTags])
}

/** The topics of a metadata response of version 10, starting at the tags of its header. */
export function topicsOfMetadata(bytes: Buffer): Map<string, TopicDescription> {
  const reader = new Reader(bytes)
  const partition = () => {
    // Error, index, leader and leader epoch.
    reader.skip(2 + 3 * 4)
    for (const _nodes of ['replicas', 'in sync', 'offline']) reader.skip(4 * Math.max(0, reader.varint() - 1))
    reader.tags()
  }
  reader.tags()
  reader.skip(4)
  reader.each(() => {
    reader.skip(4)
    reader.text()
    reader.skip(4)
    reader.text()
    reader.tags()
  })
  const cluster = reader.text()
  reader.skip(4)
  const found = new Map<string, TopicDescription>()
  reader.each(() => {
    const error = reader.take(2).readInt16BE()
    const name = reader.text()
    const id = reader.take(uuidBytes)
    reader.skip(1)
    reader.each(partition)
    const operations = reader.take(4).readInt32BE()
    reader.tags()
    if (error === 0 && id.some(byte => byte !== 0))
      found.set(name, {
        id: `${cluster}/${id.toString('hex')}`,
        readable: operations === unknownOperations || (operations & readOperation) !== 0
      })
  })
  return found
}

function unsignedVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.from([...bytes, rest])
}

/** Reads the types of Kafka's flexible versions (KIP-482). */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  take(count: number): Buffer {
    const end = this.#at + count
    if (end > this.#bytes.length) throw new RangeError('a response of the broker is cut')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  skip(count: number): void {
    this.take(count)
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = this.take(1).readUInt8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    return value >>> 0
  }

  /** A text; empty for null. */
  text(): string {
    return this.take(Math.max(0, this.varint() - 1)).toString()
  }

  each(element: () => void): void {
    for (let left = this.varint(); left > 1; left--) element()
  }

  tags(): void {
    for (let left = this.varint(); left > 0; left--) {
      this.varint()
      this.skip(this.varint())
    }
  }
}
