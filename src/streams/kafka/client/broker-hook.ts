import type { KafkaCluster } from './topic-ids.ts'

/** A request with the decoder of its response, as kafkajs's brokers send it. */
export interface Protocol {
  readonly request: { readonly apiKey: number; readonly apiVersion: number }
  readonly response: { decode(bytes: Buffer): Promise<unknown> }
}

/** Calls `equip` for each broker that this cluster finds from now on, unless it is in `equipped`, and adds it. */
export function equipBrokers(cluster: KafkaCluster, equipped: WeakSet<object>, equip: (broker: unknown) => void): void {
  const find = cluster.findBroker
  cluster.findBroker = async node => {
    const broker = await Reflect.apply(find, cluster, [node])
    if (!equipped.has(broker)) {
      equipped.add(broker)
      equip(broker)
    }
    return broker
  }
}
