import type { Command } from 'commander'
import { list, populationOption } from './options.ts'
import type { ServeOptions } from './serve-run.ts'

const examples = `
Examples:
  $ HIERAX_INPUT_BROKERS=kafka:9092 hierax serve
  $ hierax serve --config hierax.yaml
  $ hierax serve --config hierax.yaml --print-config`

/** Adds `hierax serve`: the service. */
export function register(program: Command): void {
  program
    .command('serve')
    .summary('run the service: read alerts from Kafka, publish classifications to Kafka')
    .description(
      'Consume alerts, classify them, and publish the probability of every node. Serve health checks, metrics and the API over HTTP. On SIGTERM or SIGINT, finish the batches in flight, commit them and exit with 0. A second signal ends the process at once. Every setting is also an environment variable (HIERAX_…).'
    )
    .option('--config <file>', 'configuration file (YAML; default: HIERAX_CONFIG)')
    .option('--model <list>', 'model folders, separated by commas (default: the bundled model)', list)
    .option(...populationOption)
    .option('--print-config', 'print the settings in effect, with secrets masked, and exit')
    .addHelpText('after', examples)
    .action(async (options: ServeOptions) => {
      const { serve } = await import('./serve-run.ts')
      await serve(options)
    })
}
