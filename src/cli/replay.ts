import type { Command } from 'commander'
import { HieraxError } from '../errors.ts'
import { decimal, integer, list } from './options.ts'
import type { PublishTarget } from './publish.ts'

interface Options extends Omit<PublishTarget, 'topic'> {
  topic?: string
  rate: number
  repeat: number
}

const examples = `
Examples:
  $ hierax replay alerts/ --topic ztf_20250101_programid1
  $ hierax replay night.tar.gz --brokers kafka:9092 --topic alerts --rate 1333 --partitions 16`

/** Adds `hierax replay`: packets from disk to a Kafka topic, unchanged. */
export function register(program: Command): void {
  program
    .command('replay')
    .summary('publish packets from disk to Kafka, unchanged')
    .description(
      'Publish alert packets from files, folders, .tar or .tar.gz archives, or standard input (-) to a Kafka topic. The bytes are unchanged. Messages have no key and are distributed over all partitions.'
    )
    .argument('<path...>', 'files, folders, archives, or - for one packet on standard input')
    .option('--topic <name>', 'topic (required); created if it does not exist')
    .option('--brokers <list>', 'comma-separated host:port list (default: input.brokers of the configuration)', list)
    .option('--rate <n>', 'packets per second; 0 for no limit', decimal({ min: 0 }), 0)
    .option('--repeat <n>', 'how many times to publish all packets', integer({ min: 1 }), 1)
    .option('--partitions <n>', 'number of partitions if the topic is created', integer({ min: 1, max: 10_000 }))
    .option('--config <file>', 'configuration file; uses brokers, TLS and credentials of the input')
    .addHelpText('after', examples)
    .action(replay)
}

async function replay(paths: string[], options: Options): Promise<void> {
  const [{ openPackets }, { endSignal }, { startProgress }, publish] = await Promise.all([
    import('../streams/files.ts'),
    import('./end-signal.ts'),
    import('./progress.ts'),
    import('./publish.ts')
  ])
  // Checked here: commander would report a missing --topic before a misspelt option.
  const { topic } = options
  if (topic === undefined) throw new HieraxError('USAGE', 'name the --topic to publish to')
  if (options.repeat > 1 && paths.includes('-')) {
    throw new HieraxError('USAGE', 'standard input can be read only once: leave out --repeat or name files')
  }
  const packets = await openPackets(paths)
  const publisher = await publish.openTarget({ ...options, topic })
  const signal = endSignal()
  const total = packets.total === null ? null : packets.total * options.repeat
  const progress = await startProgress({ total, unit: 'packets' })
  let unread = 0

  async function* repeated(): AsyncGenerator<Uint8Array> {
    for (let round = 0; round < options.repeat; round += 1) {
      for await (const { bytes, error } of packets) {
        if (bytes) yield bytes
        else if (round === 0) {
          unread += 1
          process.stderr.write(`hierax: ${error.code}: ${error.message}. ${error.remedy}\n`)
        }
      }
    }
  }

  try {
    const published = await publish.publishAll(repeated(), publisher, { rate: options.rate, progress, signal })
    progress.stop()
    process.stdout.write(publish.summary(published, topic, publisher.partitions))
    if (unread > 0) process.exitCode = 1
  } finally {
    progress.stop()
    await publisher.close()
  }
}
