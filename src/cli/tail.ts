import { type Command, Option } from 'commander'
import { decimal, integer, list } from './options.ts'
import type { TailOptions } from './tail-run.ts'

const examples = `
Examples:
  $ hierax tail
  $ hierax tail --brokers kafka:9092 --node "SN Ia" --min 0.9
  $ hierax tail --from earliest --end --json | jq -r .objectId | sort -u`

/** Adds `hierax tail`: a subscriber. */
export function register(program: Command): void {
  program
    .command('tail')
    .summary('print classifications from Kafka as they arrive')
    .description(
      'Print classifications from Kafka until Ctrl-C: one line per alert, or one JSON object with --json. A line ends with the evidence: the log odds of light curve, context and prior at the first split. Repeated messages are printed once. A message older than the current classification of its object (the greatest jd, candid and revision so far) is marked "older". The command commits no offsets and deletes its consumer group at the end.'
    )
    .option('--brokers <list>', 'comma-separated host:port list (default: output.brokers of the configuration)', list)
    .option('--topic <name>', 'topic to read (default: output.classifications)')
    .option('--node <name>', 'print only messages in which this node has a probability of at least --min')
    .option('--min <p>', 'minimum probability of --node, or of the predicted node', decimal({ min: 0, max: 1 }))
    .addOption(
      new Option('--from <where>', 'start with the oldest message or with the next one')
        .choices(['earliest', 'latest'])
        .default('latest')
    )
    .option('--current', 'omit messages that would be marked "older"')
    .option('--limit <n>', 'stop after this number of lines', integer({ min: 1 }))
    .option('--end', 'stop at the current end of the topic')
    .option('--json', 'print one JSON object per line (docs/message.md)')
    .option('--config <file>', 'configuration file; uses brokers, TLS, credentials and topic of the output')
    .addHelpText('after', examples)
    .action(async (options: TailOptions) => {
      const { tail } = await import('./tail-run.ts')
      await tail(options)
    })
}
