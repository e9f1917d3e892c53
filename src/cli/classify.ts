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
      'Classify alert packets from files, folders, .tar or .tar.gz archives, or standard input (-). Print one JSON classification per line, as the service would publish it. Light curves accumulate during the run.'
    )
    .argument('<path...>', 'files, folders, archives, or - for one packet on standard input')
    .option('--store <url>', 'store of light curves: memory: or lmdb:DIR', 'memory:')
    .option('--dead-letters <file>', 'file for rejected packets, as JSON lines (default: standard error)')
    .addOption(
      new Option('--order <order>', 'order of processing: that of the files, or by time')
        .choices(['arrival', 'time'])
        .default('arrival')
    )
    .option('--model <list>', 'model folders, separated by commas (default: the bundled model)', list)
    .option(...populationOption)
    .option('--programs <list>', 'survey programmes whose photometry is used', list)
    .option(
      '--config <file>',
      'configuration file; uses admit.*, input.programs, model, population, runtime and output.routes'
    )
    .addHelpText('after', examples)
    .action(async (paths: string[], options: ClassifyOptions) => {
      const { classify } = await import('./classify-run.ts')
      await classify(paths, options)
    })
}
