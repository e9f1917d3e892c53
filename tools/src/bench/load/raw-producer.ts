import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ResponseAssembler } from 'hierax/streams/kafka/client/framed-socket.ts'
import { KafkaTools } from '../../../../test/support/kafka-tools.ts'
import { produceError, produceRequest } from './record-batch.ts'

/**
 * Writes record batches to a topic's partitions in turn with minimal CPU time: kafkajs takes a millisecond per packet, and the service
 * and the broker need both CPUs.
 */
export class RawProducer {
  sent = 0
  acknowledged = 0
  readonly #topic: string
  /** Connections to the leaders, by partition. */
  readonly #sockets: readonly net.Socket[]

  private constructor(topic: string, sockets: readonly net.Socket[]) {
    this.#topic = topic
    this.#sockets = sockets
    for (const socket of new Set(sockets)) {
      const responses = new ResponseAssembler(response => {
        const error = produceError(response)
        if (error !== 0) throw new Error(`The broker rejected a batch: error ${error}`)
        this.acknowledged++
      })
      socket.on('data', bytes => responses.take(bytes))
    }
  }

  static async connect(brokers: readonly string[], topic: string): Promise<RawProducer> {
    const tools = new KafkaTools(brokers)
    const admin = await tools.admin()
    const { brokers: nodes } = await admin.describeCluster()
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    await tools.close()
    const sockets = new Map(nodes.map(({ nodeId, host, port }) => [nodeId, net.connect({ host, port, noDelay: true })]))
    const partitions = [...(topics[0]?.partitions ?? [])].sort((a, b) => a.partitionId - b.partitionId)
    return new RawProducer(
      topic,
      partitions.map(({ leader }) => sockets.get(leader) as net.Socket)
    )
  }

  /** Writes a batch; resolves when the socket accepts the next. */
  async write(batch: Buffer): Promise<void> {
    const partition = this.sent % this.#sockets.length
    const socket = this.#sockets[partition] as net.Socket
    socket.write(produceRequest(this.#topic, partition, batch.length, this.sent++))
    if (!socket.write(batch)) await new Promise(resolve => socket.once('drain', resolve))
  }

  /** Waits until all batches are acknowledged, and closes the connections. */
  async finish(): Promise<void> {
    while (this.acknowledged < this.sent) await sleep(5)
    for (const socket of new Set(this.#sockets)) socket.destroy()
  }
}
