import { requestBytes } from 'hierax/streams/kafka/producer/producer.ts'
import type { KafkaTools } from '../../../../test/support/kafka-tools.ts'

/** Writes packets to a topic's partitions in turn, without a key, as the survey does. Resolves with their number and bytes. */
export async function preload(
  tools: KafkaTools,
  topic: string,
  partitions: number,
  packets: Iterable<Buffer>
): Promise<{ packets: number; bytes: number }> {
  const queues = Array.from({ length: partitions }, () => ({ values: [] as Buffer[], bytes: 0 }))
  const total = { packets: 0, bytes: 0 }
  const flush = async (partition: number): Promise<void> => {
    const { values } = queues[partition] as (typeof queues)[number]
    queues[partition] = { values: [], bytes: 0 }
    if (values.length > 0)
      await tools.produce(
        topic,
        values.map(value => ({ partition, value }))
      )
  }
  for (const packet of packets) {
    const partition = total.packets++ % partitions
    total.bytes += packet.length
    const queue = queues[partition] as (typeof queues)[number]
    if (queue.bytes + packet.length > requestBytes) await flush(partition)
    const open = queues[partition] as (typeof queues)[number]
    open.values.push(packet)
    open.bytes += packet.length
  }
  for (let partition = 0; partition < partitions; partition++) await flush(partition)
  return total
}
