import { findKafka, missingForLocal } from '../../../../test/support/brokers.ts'
import { KafkaTools } from '../../../../test/support/kafka-tools.ts'
import { startKafka } from '../../../kafka-local/kafka-local.mjs'
import { ProcessMeter } from './process-meter.ts'

/** A broker to measure against. */
export interface Cluster {
  readonly brokers: readonly string[]
  readonly from: string
  readonly tools: KafkaTools
  /** Meter of the broker's process; null if this run did not start it. */
  readonly meter: ProcessMeter | null
  stop(): Promise<void>
}

/** `KAFKA_BROKERS`, else a new local Kafka, else Docker. Throws if none is available. */
export async function startCluster(): Promise<Cluster> {
  const named = (process.env.KAFKA_BROKERS ?? '') !== ''
  if (named || (await missingForLocal()) !== null) {
    const found = await findKafka()
    if (typeof found === 'string') throw new Error(`The benchmark ${found}`)
    return clusterOf(found.brokers, found.from, null, found.stop)
  }
  // The delay lets all members join before the first message.
  const kafka = await startKafka({ properties: { 'group.initial.rebalance.delay.ms': 2000 } })
  const pid = kafka.nodes[0]?.pid
  const meter = pid ? new ProcessMeter(pid) : null
  return clusterOf(kafka.brokers, `local Apache Kafka ${kafka.version}`, meter, kafka.stop)
}

function clusterOf(
  brokers: readonly string[],
  from: string,
  meter: ProcessMeter | null,
  stop: () => Promise<void>
): Cluster {
  const tools = new KafkaTools(brokers)
  return {
    brokers,
    from,
    tools,
    meter,
    async stop() {
      meter?.stop()
      await tools.close()
      await stop()
    }
  }
}
