import type { Command } from 'commander'
import { list } from './options.ts'
import type { StoreOptions } from './store-inspect.ts'

const examples = `
Examples:
  $ hierax store inspect ZTF19aazzpje
  $ hierax store inspect ZTF19aazzpje --store lmdb:/var/lib/hierax | jq .classifications[0].prediction`

/** Adds `hierax store` and what it can do. */
export function register(program: Command): void {
  const store = program
    .command('store')
    .description('Look into the store of light curves.')
    .addHelpText('after', examples)
  store
    .command('inspect')
    .description("Print one object as JSON: its light curve, its newest alerts and each model's answer.")
    .argument('<object-id>', 'for example ZTF19aazzpje')
    .option('--store <url>', 'the store (default: store.url of the configuration)')
    .option('--model <list>', 'model folders, by comma (default: the bundled one)', list)
    .option('--config <file>', 'configuration')
    .addHelpText('after', examples)
    .action(async (objectId: string, options: StoreOptions) => {
      const { inspect } = await import('./store-inspect.ts')
      await inspect(objectId, options)
    })
  for (const command of store.commands) command.copyInheritedSettings(store)
}
