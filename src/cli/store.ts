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
    .description('Inspect, verify, export and import the store of light curves, also while `serve` runs.')
    .addHelpText('after', `${examples}${verifyExamples.slice(11)}${moveExamples.slice(11)}`)
  store
    .command('inspect')
    .description(
      'Print one object as JSON: its light curve, its newest alert and its current classification by each model.'
    )
    .argument('<object-id>', 'for example ZTF19aazzpje')
    .option('--store <url>', 'the store (default: store.url of the configuration)')
    .option('--model <list>', 'model folders, by comma (default: the bundled one)', list)
    .option('--config <file>', 'configuration')
    .addHelpText('after', examples)
    .action(async (objectId: string, options: StoreOptions) => {
      const { inspect } = await import('./store-inspect.ts')
      await inspect(objectId, options)
    })
  withStore(store.command('verify'))
    .description(
      'Verify the checksum of every object in a store. Prints damaged objects, then the number of objects and points; exits 1 if an object is damaged. `serve` rebuilds a damaged object from the alerts that follow.'
    )
    .option('--json', 'print the result as one JSON object')
    .addOption(new Option('--here', 'check in this process').hideHelp())
    .addHelpText('after', verifyExamples)
    .action(async (options: VerifyOptions) => {
      const { verify } = await import('./store-verify.ts')
      await verify(options)
    })
  withStore(store.command('export'))
    .description(
      'Write all objects of a store as NDJSON: a line that names the format, one line per object, a line with their number. Damaged objects are left out and named, and the exit code is 1.'
    )
    .argument('[file]', 'output file; compressed if its name ends in .gz', '-')
    .addHelpText('after', moveExamples)
    .action(async (file: string, options: MoveOptions) => {
      const { exportStore } = await import('./store-move.ts')
      await exportStore(file, options)
    })
  withStore(store.command('import'))
    .description(
      'Merge the output of `store export` into a store, empty or not, in any order and any number of times. A damaged line is refused by its number.'
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
    .option('--store <url>', 'the store (default: store.url of the configuration)')
    .option('--config <file>', 'configuration')
}
