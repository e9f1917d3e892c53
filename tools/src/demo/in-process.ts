import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { StreamsFactory } from 'hierax/app/kafka-streams.ts'
import type { PacketPublisher } from 'hierax/streams/kafka/packet-publisher.ts'
import type { Sink } from 'hierax/streams/types.ts'
import type { MemoryLog } from '../memory-log/log.ts'
import { createMemorySink } from '../memory-log/sink.ts'
import { createMemorySource } from '../memory-log/source.ts'

/** Messages of an output partition that are kept: a stand-in that runs for days must not fill the memory. */
const kept = 100

/** Packets that may wait to be read; a publisher waits beyond. */
const waiting = 500

/** Input and output of the service on a log in this process. What was read is forgotten. */
export function connectInProcess(log: MemoryLog): StreamsFactory {
  return (config, { metrics, health }) => {
    const { topics, group } = config.input
    const source = createMemorySource({
      log,
      topics: topics === 'nightly' ? [] : topics,
      group,
      onLag: (topic, partition, lag) => {
        metrics.lag(topic, partition, lag)
        log.deleteBefore(topic, partition, log.committed(group, topic, partition))
      }
    })
    const sink = forgetting(createMemorySink(log), log)
    health.streams({ health: () => ({ ready: true, reason: null }) }, { reason: () => null })
    health.outputTopics(null)
    return {
      sink,
      run: handler => source.run(handler),
      async stop() {
        await source.stop()
        await sink.close()
      }
    }
  }
}

/** Publishes packets to a topic of a log in this process, with the partitions that the log gives it. */
export function publishInProcess(log: MemoryLog, topic: string): PacketPublisher {
  log.createTopic(topic)
  const partitions = log.partitions(topic)
  return {
    partitions,
    async publish(packet) {
      // A publisher that is behind never waits by itself, and the service runs on the same thread.
      await turn()
      while (log.records(topic).length >= waiting) await sleep(10)
      log.append({ topic, value: packet })
    },
    flush: async () => {},
    close: async () => {}
  }
}

function forgetting(sink: Sink, log: MemoryLog): Sink {
  return {
    async send(messages) {
      await sink.send(messages)
      for (const topic of new Set(messages.map(message => message.topic))) {
        for (let partition = 0; partition < log.partitions(topic); partition += 1) {
          log.deleteBefore(topic, partition, log.end(topic, partition) - kept)
        }
      }
    },
    close: () => sink.close()
  }
}
