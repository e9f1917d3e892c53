import kafkajs, { type PartitionMetadata } from 'kafkajs'

/** The partition of a message: the same for all messages of one key, by turns for those without. */
export type Partitioner = (topic: string, key: string | null, partitions: number) => number

/**
 * The partitioner of Java's clients (murmur2 of the key's UTF-8 bytes, modulo the number of partitions), so that
 * whatever else writes to a topic by key agrees with us on where it goes.
 */
export function createPartitioner(): Partitioner {
  const choose = kafkajs.Partitioners.DefaultPartitioner()
  const metadata = new Map<number, PartitionMetadata[]>()
  const described = (partitions: number): PartitionMetadata[] => {
    let known = metadata.get(partitions)
    if (known === undefined) {
      // All of them count as available: a message waits for its partition rather than going elsewhere.
      known = Array.from({ length: partitions }, (_, partitionId) => ({
        partitionId,
        leader: 0,
        partitionErrorCode: 0,
        replicas: [],
        isr: []
      }))
      metadata.set(partitions, known)
    }
    return known
  }
  return (topic, key, partitions) =>
    choose({ topic, partitionMetadata: described(partitions), message: { key, value: null } })
}
