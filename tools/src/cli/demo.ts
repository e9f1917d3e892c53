import type { Command } from 'commander'
import { decimal, integer, list } from 'hierax/cli/options.ts'
import type { DemoOptions } from './demo-run.ts'

const examples = `
Examples:
  $ hierax demo
  $ hierax demo --rate 300 --for 60
  $ KAFKA_BROKERS=localhost:9092 hierax demo

Kafka is taken from --brokers or KAFKA_BROKERS; else it is started in Docker, or in a checkout with Java and Maven
without Docker; else a stand-in in the process takes its place. On a Kafka that was there already, the demo works in
topics of its own and removes them at the end.`

/** Adds `hierax demo`: broker, simulated stream and service at once. */
export function register(program: Command): void {
  program
    .command('demo')
    .summary('see it at work: a broker, a simulated stream and the service at once')
    .description(
      'Find or start a Kafka, publish ZTF packets mixed as in the public stream (supernovae and periodic stars from real light curves; active galaxies, cataclysmic and long-period variables, minor planets and artefacts made up), run the whole service on them, and show what it finds and how often it is right, until Ctrl-C. Needs no account, no data and no configuration, and leaves nothing behind.'
    )
    .option('--rate <n>', 'packets a second', decimal({ min: 0.1, max: 10_000 }), 150)
    .option('--for <seconds>', 'end after so many seconds', decimal({ min: 0 }))
    .option('--objects <n>', 'end after so many objects', integer({ min: 1 }))
    .option('--seed <n>', 'the same seed makes the same packets', integer({ min: 0 }), 0)
    .option('--port <n>', 'port of the HTTP service (default: 8080, or a free one)', integer({ min: 0, max: 65_535 }))
    .option('--brokers <list>', 'brokers, host:port by comma (default: KAFKA_BROKERS, else one is started)', list)
    .option('--in-process', 'use no Kafka but the stand-in')
    .addHelpText('after', examples)
    .action(async (options: DemoOptions) => {
      const { demo } = await import('./demo-run.ts')
      await demo(options)
    })
}
