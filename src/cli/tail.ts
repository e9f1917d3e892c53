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
    .summary('follow classifications on Kafka')
    .description(
      'Follow classifications on Kafka as a subscriber, until Ctrl-C: one line per alert, or one JSON object with --json. A line ends with the evidence: log odds of light curve, context and prior at the first split. Repeated messages are shown once. A message that is not its object\'s current classification (the one with the greatest jd, candid and revision) is marked "older". No offsets are committed, and nothing is left on the cluster.'
    )
    .option('--brokers <list>', 'brokers, host:port by comma (default: output.brokers of the configuration)', list)
    .option('--topic <name>', 'topic to follow (default: output.classifications, which has all classifications)')
    .option('--node <name>', 'only where this node of the taxonomy has a probability of at least --min')
    .option(
      '--min <p>',
      'least probability of the node, or without --node of the predicted node',
      decimal({ min: 0, max: 1 })
    )
    .addOption(
      new Option('--from <where>', 'start at the oldest message or at the next one')
        .choices(['earliest', 'latest'])
        .default('latest')
    )
    .option('--current', 'skip classifications that are older than one shown before')
    .option('--limit <n>', 'stop after this number of lines', integer({ min: 1 }))
    .option('--end', 'stop at the current end of the topic')
    .option('--json', 'one JSON object per line, as in the JSON encoding of the messages')
    .option('--config <file>', 'configuration, for brokers, TLS, credentials and topic of output')
    .addHelpText('after', examples)
    .action(async (options: TailOptions) => {
      const { tail } = await import('./tail-run.ts')
      await tail(options)
    })
}
