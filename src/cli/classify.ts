import { type Command, Option } from 'commander'
import type { ClassifyOptions } from './classify-run.ts'
import { list, populationOption } from './options.ts'

const examples = `
Examples:
  $ hierax classify alert.avro
  $ hierax classify --order time --dead-letters refused.jsonl night.tar.gz > classifications.jsonl
  $ hierax classify alerts/ | jq -c '[.objectId, .prediction.node, .prediction.probability]'`

/** Adds `hierax classify`: packets from disk to classifications on standard output. */
export function register(program: Command): void {
  program
    .command('classify')
    .summary('classify packets from disk')
    .description(
      'Classify alert packets from files, folders, .tar, .tar.gz or - (one packet on standard input): one JSON classification per line on standard output, as they would be published to Kafka. Light curves build up within the run.'
    )
    .argument('<path...>', 'files, folders, archives, or - for one packet on standard input')
    .option('--store <url>', 'where light curves are kept: memory: or lmdb:DIR', 'memory:')
    .option('--dead-letters <file>', 'write refused packets to this file, as JSON lines (default: standard error)')
    .addOption(
      new Option('--order <order>', 'in the order of the files, or sorted by time')
        .choices(['arrival', 'time'])
        .default('arrival')
    )
    .option('--model <list>', 'model folders, by comma (default: the bundled one)', list)
    .option(...populationOption)
    .option('--programs <list>', 'survey programmes whose photometry may enter', list)
    .option(
      '--config <file>',
      'configuration, for admit.*, input.programs, model, population, runtime and output.routes'
    )
    .addHelpText('after', examples)
    .action(async (paths: string[], options: ClassifyOptions) => {
      const { classify } = await import('./classify-run.ts')
      await classify(paths, options)
    })
}
