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
    .summary('run the service: from alerts on Kafka to classifications on Kafka')
    .description(
      'Consume alerts, classify them, publish the probability of every node, and serve health, metrics and the API over HTTP, until SIGTERM or SIGINT: then finish the batches in flight, commit them and exit 0. A second signal ends at once. Every setting is also an environment variable (HIERAX_…).'
    )
    .option('--config <file>', 'configuration (YAML); HIERAX_CONFIG names it otherwise')
    .option('--model <list>', 'model folders, by comma (default: the bundled one)', list)
    .option(...populationOption)
    .option('--print-config', 'print the settings in effect, with secrets masked, and exit')
    .addHelpText('after', examples)
    .action(async (options: ServeOptions) => {
      const { serve } = await import('./serve-run.ts')
      await serve(options)
    })
}
