import { isContainer } from '../alerts/avro/container.ts'
import { readSchema } from '../app/schema.ts'
import { describeError, HieraxError } from '../errors.ts'
import { type FilePacket, textNote } from '../streams/file-packet.ts'
import { openPackets } from '../streams/files.ts'
import { endSignal } from './end-signal.ts'
import { openTarget, type PublishTarget, publishAll, summary } from './publish.ts'
import { startProgress } from './terminal/progress.ts'

/** Options of `hierax replay` as commander gives them. */
export interface ReplayOptions extends Omit<PublishTarget, 'topic'> {
  readonly topic?: string
  readonly rate: number
  readonly repeat: number
  readonly schema?: string
}

/** Runs `hierax replay`: packets from disk to a Kafka topic, unchanged. Bare records without a key get the named schema as key. */
export async function replay(paths: readonly string[], options: ReplayOptions): Promise<void> {
  const { topic, rate, repeat } = options
  if (topic === undefined) throw new HieraxError('USAGE', 'name the --topic to publish to')
  if (repeat > 1 && paths.includes('-')) {
    throw new HieraxError('USAGE', 'standard input can be read only once: leave out --repeat or name files')
  }
  const schema = options.schema === undefined ? null : readSchema(options.schema)
  const packets = await openPackets(paths)
  const publisher = await openTarget({ ...options, topic })
  const signal = endSignal()
  const total = packets.total === null ? null : packets.total * repeat
  const progress = startProgress({ total, unit: 'packets' })
  let unread = 0

  async function* repeated(): AsyncGenerator<FilePacket & { readonly error: null }> {
    for (let round = 0; round < repeat; round += 1) {
      for await (const packet of packets) {
        const { bytes, key, error } = packet
        const note = bytes && round === 0 && key === null && schema === null ? textNote(packet.path, bytes) : null
        if (note !== null) process.stderr.write(`hierax: ${note}; it is published as it is\n`)
        if (bytes) yield { ...packet, key: key ?? (isContainer(bytes) ? null : schema) }
        else if (round === 0) {
          unread += 1
          process.stderr.write(`${describeError(error)}\n`)
        }
      }
    }
  }

  try {
    const published = await publishAll(repeated(), publisher, { rate, progress, signal })
    progress.stop()
    process.stdout.write(summary(published, topic, publisher.partitions))
    if (unread > 0) process.exitCode = 1
  } finally {
    progress.stop()
    await publisher.close()
  }
}
