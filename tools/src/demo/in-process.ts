import { setTimeout as sleep, setImmediate as yieldToService } from 'node:timers/promises'
import type { StreamsFactory } from 'hierax/app/streams.ts'
import type { PacketPublisher } from 'hierax/streams/kafka/producer/packet-publisher.ts'
import type { Sink } from 'hierax/streams/types.ts'
import { createMemorySink, createMemorySource, type MemoryLog } from '../memory-log/memory-log.ts'

/** Messages kept per output partition: a demo that runs for days must not exhaust memory. */
const retainedOutput = 100

/** The publisher waits while this many packets are unread. */
export const maxUnread = 500

/** The service's input and output on an in-process log. Messages that were read are deleted. */
export function connectInProcess(log: MemoryLog): StreamsFactory {
  return (config, { metrics }) => {
    const { topics, group } = config.input
    const source = createMemorySource({
      log,
      topics: topics === 'nightly' ? [] : topics,
      group,
      onLag: (topic, partition, lag) => {
        metrics.partition({ topic, partition, lag, next: null, held: false })
        log.deleteBefore(topic, partition, log.committed(group, topic, partition))
      }
    })
    const sink = withRetention(createMemorySink(log), log)
    const ready = { ready: true, reason: 'running' }
    return {
      sink,
      health: () => ({ consumer: ready, producer: ready }),
      run: handler => source.run(handler),
      async stop() {
        await source.stop()
        await sink.close()
      }
    }
  }
}

/** Publishes packets to a topic of an in-process log. */
export function publishInProcess(log: MemoryLog, topic: string): PacketPublisher {
  log.createTopic(topic)
  const partitions = log.partitions(topic)
  return {
    partitions,
    async publish(packet) {
      // A publisher that is behind its rate never yields, and the service runs on the same thread.
      await yieldToService()
      while (log.records(topic).length >= maxUnread) await sleep(10)
      log.append({ topic, value: packet })
    },
    flush: async () => {},
    close: async () => {}
  }
}

function withRetention(sink: Sink, log: MemoryLog): Sink {
  return {
    async send(messages) {
      await sink.send(messages)
      for (const topic of new Set(messages.map(message => message.topic))) {
        for (let partition = 0; partition < log.partitions(topic); partition += 1) {
          log.deleteBefore(topic, partition, log.end(topic, partition) - retainedOutput)
        }
      }
    },
    close: () => sink.close()
  }
}
