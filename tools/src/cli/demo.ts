import type { Command } from 'commander'
import { decimal, integer, list } from 'hierax/cli/options.ts'
import type { DemoOptions } from './demo-run.ts'

const examples = `
Examples:
  $ hierax demo
  $ hierax demo --rate 300 --for 60
  $ KAFKA_BROKERS=localhost:9092 hierax demo

The demo uses the Kafka given by --brokers or KAFKA_BROKERS. Otherwise it starts one in Docker or, in a checkout, with
Java and Maven; if neither works, it uses an in-process log. On an existing Kafka it creates its own topics and removes
them when it stops.`

/** Adds `hierax demo`. */
export function register(program: Command): void {
  program
    .command('demo')
    .summary('run a broker, a simulated alert stream and the service together')
    .description(
      'Run the whole service on simulated alerts until Ctrl-C, and show its classifications and how often they are correct. The command finds or starts a Kafka broker and publishes ZTF packets with a class mix like that of the public stream, with more supernovae: supernovae and periodic stars from real light curves; synthetic active galaxies, cataclysmic and long-period variables, minor planets and artefacts. It needs no account, data or configuration, and removes everything that it created.'
    )
    .option('--rate <n>', 'packets per second', decimal({ min: 0.1, max: 10_000 }), 150)
    .option('--for <seconds>', 'stop after this many seconds', decimal({ min: 0 }))
    .option('--objects <n>', 'simulate this many objects, and stop after their last alert', integer({ min: 1 }))
    .option('--seed <n>', 'seed; the same seed gives the same packets', integer({ min: 0 }), 0)
    .option('--port <n>', 'port of the HTTP service (default: 8080, or a free one)', integer({ min: 0, max: 65_535 }))
    .option(
      '--brokers <list>',
      'comma-separated host:port list (default: KAFKA_BROKERS, else a broker is started)',
      list
    )
    .option('--in-process', 'use an in-process log instead of Kafka')
    .addHelpText('after', examples)
    .action(async (options: DemoOptions) => {
      const { demo } = await import('./demo-run.ts')
      await demo(options)
    })
}
