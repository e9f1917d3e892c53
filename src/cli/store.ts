import { type Command, Option } from 'commander'
import { list } from './options.ts'
import type { StoreOptions } from './store-inspect.ts'
import type { MoveOptions } from './store-move.ts'
import type { VerifyOptions } from './store-verify.ts'

const examples = `
Examples:
  $ hierax store inspect ZTF19aazzpje
  $ hierax store inspect ZTF19aazzpje --store lmdb:/var/lib/hierax | jq .classifications[0].prediction`

const verifyExamples = `
Examples:
  $ hierax store verify
  $ hierax store verify --store valkey://localhost:6379/0 --json`

const moveExamples = `
Examples:
  $ hierax store export --store lmdb:./data | hierax store import --store valkey://localhost:6379/0
  $ hierax store export objects.ndjson.gz
  $ hierax store import objects.ndjson.gz --store lmdb:/var/lib/hierax`

/** Adds `hierax store` and its subcommands. */
export function register(program: Command): void {
  const store = program
    .command('store')
    .summary('inspect, verify, export or import the store')
    .description('Inspect, verify, export or import the store of light curves, also while `serve` runs.')
    .addHelpText('after', `${examples}${verifyExamples.slice(10)}${moveExamples.slice(10)}`)
  store
    .command('inspect')
    .summary('print one object as JSON')
    .description(
      'Print one object as JSON: its light curve, its newest alert and its current classification by each model.'
    )
    .argument('<object-id>', 'for example ZTF19aazzpje')
    .option('--store <url>', 'URL of the store (default: store.url of the configuration)')
    .option('--model <list>', 'model folders, separated by commas (default: the bundled model)', list)
    .option('--config <file>', 'configuration file')
    .addHelpText('after', examples)
    .action(async (objectId: string, options: StoreOptions) => {
      const { inspect } = await import('./store-inspect.ts')
      await inspect(objectId, options)
    })
  withStore(store.command('verify'))
    .summary('verify the checksum of every object')
    .description(
      'Verify the checksum of every object in a store. Print the damaged objects, then the number of objects and points. Exit with 1 if an object is damaged. `serve` rebuilds a damaged object from later alerts.'
    )
    .option('--json', 'print the result as one JSON object')
    .addOption(new Option('--here', 'check in this process').hideHelp())
    .addHelpText('after', verifyExamples)
    .action(async (options: VerifyOptions) => {
      const { verify } = await import('./store-verify.ts')
      await verify(options)
    })
  withStore(store.command('export'))
    .summary('write all objects as NDJSON')
    .description(
      'Write all objects of a store as NDJSON: a header, one line per object, and a line with the number of objects. Damaged objects are reported and left out, and the exit code is 1.'
    )
    .argument('[file]', 'output file; compressed if its name ends in .gz', '-')
    .addHelpText('after', moveExamples)
    .action(async (file: string, options: MoveOptions) => {
      const { exportStore } = await import('./store-move.ts')
      await exportStore(file, options)
    })
  withStore(store.command('import'))
    .summary('merge an export into a store')
    .description(
      'Merge the output of `store export` into an empty or non-empty store. Imports may be repeated, in any order. A damaged line is rejected with its number.'
    )
    .argument('[file]', 'input file; compressed if its name ends in .gz', '-')
    .addHelpText('after', moveExamples)
    .action(async (file: string, options: MoveOptions) => {
      const { importStore } = await import('./store-move.ts')
      await importStore(file, options)
    })
  for (const command of store.commands) command.copyInheritedSettings(store)
}

function withStore(command: Command): Command {
  return command
    .option('--store <url>', 'URL of the store (default: store.url of the configuration)')
    .option('--config <file>', 'configuration file')
}
