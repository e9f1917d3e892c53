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
      'Follow classifications on Kafka as a subscriber, until Ctrl-C: one line an alert for people, with --json one JSON object. A line ends with why: what light curve, context and prior say at the first split, as log odds. Repeated messages are shown once. A message that is not the answer of its object (the one with the greatest jd, candid and revision) is marked "older". Nothing is committed, and nothing stays behind on the cluster.'
    )
    .option('--brokers <list>', 'brokers, host:port by comma (default: output.brokers of the configuration)', list)
    .option('--topic <name>', 'topic to follow (default: output.classifications, which has all of them)')
    .option('--node <name>', 'only where this node of the taxonomy has a probability of at least --min')
    .option(
      '--min <p>',
      'least probability of the node, or without --node of the predicted one',
      decimal({ min: 0, max: 1 })
    )
    .addOption(
      new Option('--from <where>', 'begin with the oldest message or with the next one')
        .choices(['earliest', 'latest'])
        .default('latest')
    )
    .option('--current', 'leave out what is older than an answer already shown')
    .option('--limit <n>', 'end after so many lines', integer({ min: 1 }))
    .option('--end', 'end at the end that the topic has now')
    .option('--json', 'one JSON object a line, as in the JSON encoding of the messages')
    .option('--config <file>', 'configuration, for brokers, TLS, credentials and topic of output')
    .addHelpText('after', examples)
    .action(async (options: TailOptions) => {
      const { tail } = await import('./tail-run.ts')
      await tail(options)
    })
}
