import { type Command, Option } from 'commander'
import { decimal, integer, julianDate, list, objectId, objectIds, populationOption, programs } from './options.ts'

/** Adds a command to the program. */
export type Register = (program: Command) => void

/*
 * The commands of the service. They are only described here: what does the work is imported when the command runs, so that `--help`
 * stays quick.
 */

const modelOption = ['--model <list>', 'model folders, separated by commas (default: the bundled model)', list] as const
const brokersOption = (side: string) =>
  ['--brokers <list>', `comma-separated host:port list (default: ${side}.brokers of the configuration)`, list] as const

const serve: Register = program =>
  program
    .command('serve')
    .summary('run the service: read alerts from Kafka, publish classifications to Kafka')
    .description(
      'Consume alerts, classify them, and publish the probability of every node. Serve health checks, metrics and the API over HTTP. On SIGTERM or SIGINT, finish the batches in flight, commit them and exit with 0. A second signal ends the process at once. Every setting is also an environment variable (HIERAX_…).'
    )
    .option('--config <file>', 'configuration file (YAML; default: HIERAX_CONFIG)')
    .option(...modelOption)
    .option(...populationOption)
    .option('--print-config', 'print the settings in effect, with secrets masked, and exit')
    .addHelpText(
      'after',
      `
Examples:
  $ HIERAX_INPUT_BROKERS=kafka:9092 hierax serve
  $ hierax serve --config hierax.yaml
  $ hierax serve --config hierax.yaml --print-config`
    )
    .action(async options => (await import('./serve.ts')).serve(options))

const classify: Register = program =>
  program
    .command('classify')
    .summary('classify packets from disk')
    .description(
      'Classify alert packets from .avro and .avro.gz files, .value files (messages whose schema is in a .key file beside them), folders, .tar or .tar.gz archives, or standard input (-). Print one JSON classification per line, as the service would publish it. Light curves accumulate during the run.'
    )
    .argument('<path...>', 'files, folders, archives, or - for one packet on standard input')
    .option('--store <url>', 'store of light curves: memory: or lmdb:DIR', 'memory:')
    .option('--dead-letters <file>', 'file for rejected packets, as JSON lines (default: standard error)')
    .addOption(
      new Option('--order <order>', 'order of processing: that of the files, or by time')
        .choices(['arrival', 'time'])
        .default('arrival')
    )
    .option(...modelOption)
    .option(...populationOption)
    .option('--programs <list>', 'survey programmes whose photometry is used', list)
    .option(
      '--schema <file>',
      'Avro schema of bare records without a .key file (default: input.schema of the configuration)'
    )
    .option(
      '--config <file>',
      'configuration file; uses admit.*, input.programs, input.schema, model, population, runtime and output.routes'
    )
    .addHelpText(
      'after',
      `
Examples:
  $ hierax classify alert.avro
  $ hierax classify --order time --dead-letters refused.jsonl night.tar.gz > classifications.jsonl
  $ hierax classify alerts/ | jq -c '[.objectId, .prediction.node, .prediction.probability]'`
    )
    .action(async (paths, options) => (await import('./classify.ts')).classify(paths, options))

const replay: Register = program =>
  program
    .command('replay')
    .summary('publish packets from disk to Kafka, unchanged')
    .description(
      'Publish alert packets from .avro and .avro.gz files, .value files, folders, .tar or .tar.gz archives, or standard input (-) to a Kafka topic. The bytes are unchanged, but gzip is decompressed. The key of a .value file is that of the .key file beside it; other messages have no key. They are distributed over all partitions.'
    )
    .argument('<path...>', 'files, folders, archives, or - for one packet on standard input')
    // Not mandatory to commander, which would report that it is missing before a misspelt option.
    .option('--topic <name>', 'topic (required); created if it does not exist')
    .option(...brokersOption('input'))
    .option('--rate <n>', 'packets per second; 0 for no limit', decimal({ min: 0 }), 0)
    .option('--repeat <n>', 'how many times to publish all packets', integer({ min: 1 }), 1)
    .option('--partitions <n>', 'number of partitions if the topic is created', integer({ min: 1, max: 10_000 }))
    .option('--schema <file>', 'Avro schema of bare records without a .key file; it becomes their key')
    .option('--config <file>', 'configuration file; uses brokers, TLS and credentials of the input')
    .addHelpText(
      'after',
      `
Examples:
  $ hierax replay alerts/ --topic ztf_20250101_programid1
  $ hierax replay night.tar.gz --brokers kafka:9092 --topic alerts --rate 1333 --partitions 16`
    )
    .action(async (paths, options) => (await import('./replay.ts')).replay(paths, options))

const tail: Register = program =>
  program
    .command('tail')
    .summary('print classifications from Kafka as they arrive')
    .description(
      'Print classifications from Kafka until Ctrl-C: one line per alert, or one JSON object with --json. A line ends with the evidence: the log odds of light curve, context and prior at the first split. Repeated messages are printed once. A message older than the current classification of its object (the greatest jd, candid and revision so far) is marked "older". The command commits no offsets and deletes its consumer group at the end.'
    )
    .option(...brokersOption('output'))
    .option('--topic <name>', 'topic to read (default: output.classifications)')
    .option('--node <name>', 'print only messages in which this node has a probability of at least --min')
    .option('--min <p>', 'minimum probability of --node, or of the predicted node', decimal({ min: 0, max: 1 }))
    .addOption(
      new Option('--from <where>', 'start with the oldest message or with the next one')
        .choices(['earliest', 'latest'])
        .default('latest')
    )
    .option('--current', 'omit messages that would be marked "older"')
    .option('--limit <n>', 'stop after this number of lines', integer({ min: 1 }))
    .option('--end', 'stop at the current end of the topic')
    .option('--json', 'print one JSON object per line (docs/message.md)')
    .option('--config <file>', 'configuration file; uses brokers, TLS, credentials and topic of the output')
    .addHelpText(
      'after',
      `
Examples:
  $ hierax tail
  $ hierax tail --brokers kafka:9092 --node "SN Ia" --min 0.9
  $ hierax tail --from earliest --end --json | jq -r .objectId | sort -u`
    )
    .action(async options => (await import('./tail.ts')).tail(options))

const inspectExamples = `
  $ hierax store inspect ZTF19aazzpje
  $ hierax store inspect ZTF19aazzpje --store lmdb:/var/lib/hierax | jq .classifications[0].prediction`

const verifyExamples = `
  $ hierax store verify
  $ hierax store verify --store valkey://localhost:6379/0 --json`

const deleteExamples = `
  $ hierax store delete ZTF19aazzpje ZTF20aaelulu
  $ hierax store delete ZTF19aazzpje --store valkey://localhost:6379/0`

const purgeExamples = `
  $ hierax store purge --programs 2,3 --dry-run
  $ hierax store purge --programs 2,3 --unknown remove --store lmdb:/var/lib/hierax`

const moveExamples = `
  $ hierax store export --store lmdb:./data | hierax store import --store valkey://localhost:6379/0
  $ hierax store export objects.ndjson.gz
  $ hierax store import objects.ndjson.gz --store lmdb:/var/lib/hierax`

const store: Register = program => {
  const group = program
    .command('store')
    .summary('inspect, verify, export or import the store, or delete from it')
    .description(
      'Inspect, verify, export or import the store of light curves, or delete objects or the points of a survey programme from it, also while `serve` runs.'
    )
    .addHelpText(
      'after',
      `\nExamples:${inspectExamples}${deleteExamples}${purgeExamples}${verifyExamples}${moveExamples}`
    )
  const command = (name: string, examples: string) =>
    group
      .command(name)
      .option('--store <url>', 'URL of the store (default: store.url of the configuration)')
      .option('--config <file>', 'configuration file')
      .addHelpText('after', `\nExamples:${examples}`)
  command('inspect', inspectExamples)
    .summary('print one object as JSON')
    .description(
      'Print one object as JSON: its light curve, its newest alert and its current classification by each model.'
    )
    .argument('<object-id>', 'for example ZTF19aazzpje', objectId)
    .option(...modelOption)
    .action(async (objectId, options) => (await import('./store-inspect.ts')).inspect(objectId, options))
  command('delete', deleteExamples)
    .summary('delete objects')
    .description(
      'Delete objects from the store: their points, alerts and cached states. An object starts again with its next alert and the 30 days of history in it. Use it for an object with wrong data. Published messages stay in their topics. The exit code is 1 if an object is unknown.'
    )
    .argument('<object-ids...>', 'for example ZTF19aazzpje', objectIds)
    .action(async (objectIds, options) => (await import('./store-delete.ts')).deleteObjects(objectIds, options))
  command('purge', purgeExamples)
    .summary('delete the points of survey programmes')
    .description(
      'Delete what the store holds of survey programmes: their points and alerts, their images, and the states that were computed from them. Other points stay, and the store can then be opened without these programmes. First remove the programmes from `input.programs` of every `serve` on the store, and stop it. Points that were stored by an early release do not say their programme: if there are any, and the store may hold points of other programmes too, --unknown decides. Classifications that were published before stay in their topics; `hierax reclassify` publishes the new ones. The command can be repeated. Print what was deleted.'
    )
    .option('--programs <list>', 'survey programmes, for example 2,3 (required)', programs)
    .addOption(
      new Option(
        '--unknown <action>',
        'what happens to points of unknown programme (default: nothing is deleted if there are any)'
      ).choices(['keep', 'remove'])
    )
    .option('--dry-run', 'count what would be deleted, and delete nothing')
    .option('--json', 'print the result as one JSON object')
    .action(async options => (await import('./store-purge.ts')).purgeStore(options))
  command('verify', verifyExamples)
    .summary('verify the checksum of every object')
    .description(
      'Verify the checksum of every object in a store. Print the damaged objects, then the number of objects and points. Exit with 1 if an object is damaged. `serve` rebuilds a damaged object from later alerts.'
    )
    .option('--json', 'print the result as one JSON object')
    .addOption(new Option('--here', 'check in this process').hideHelp())
    .action(async options => (await import('./store.ts')).verify(options))
  command('export', moveExamples)
    .summary('write all objects as NDJSON')
    .description(
      'Write all objects of a store as NDJSON: a header, one line per object, and a line with the number of objects. Damaged objects are reported and left out, and the exit code is 1.'
    )
    .argument('[file]', 'output file; compressed if its name ends in .gz', '-')
    .action(async (file, options) => (await import('./store.ts')).exportStore(file, options))
  command('import', moveExamples)
    .summary('merge an export into a store')
    .description(
      'Merge the output of `store export` into an empty or non-empty store. Imports may be repeated, in any order. A damaged line is rejected with its number.'
    )
    .argument('[file]', 'input file; compressed if its name ends in .gz', '-')
    .action(async (file, options) => (await import('./store.ts')).importStore(file, options))
  for (const sub of group.commands) sub.copyInheritedSettings(group)
}

const reclassify: Register = program =>
  program
    .command('reclassify')
    .summary('publish what the present models say of stored objects')
    .description(
      'Classify objects of the store again and publish their current classifications, so that objects without new alerts do not keep the classification of an earlier model or setting. Use the configuration of `serve`, which may run at the same time. Ids and contents are those that `serve` would publish: subscribers that deduplicate by id see one current classification per object and model. The store is only read. An interrupted run goes on where it was when the same command is run again. Print the number of objects, of results by node and of messages by topic. Exit with 1 if it was interrupted or an object is damaged.'
    )
    .argument('[object-id...]', 'objects (default: all of the store)', objectIds)
    .option('--rate <n>', 'objects per second; 0 for no limit (default: 100)', decimal({ min: 0 }))
    .option('--since <date>', 'only objects with a detection since this date (UTC, or a Julian date)', julianDate)
    .option('--node <name>', 'publish only classifications in which this node has a probability of at least --min')
    .option('--min <p>', 'minimum probability of --node (default: 0.5)', decimal({ min: 0, max: 1 }))
    .option('--dry-run', 'classify and count, but publish nothing; without a limit unless --rate is given')
    .option('--restart', 'begin with the first object, also after an interrupted run')
    .option('--store <url>', 'URL of the store (default: store.url of the configuration)')
    .option(...modelOption)
    .option('--config <file>', 'configuration file of the service')
    .addHelpText(
      'after',
      `
Examples:
  $ hierax reclassify --config hierax.yaml --dry-run
  $ hierax reclassify --config hierax.yaml --rate 500
  $ hierax reclassify --since 2025-01-01 --node "SN Ia" --min 0.8
  $ hierax reclassify ZTF19aazzpje ZTF20aaelulu`
    )
    .action(async (objectIds, options) => (await import('./reclassify.ts')).reclassify(objectIds, options))

const disagreements: Register = program =>
  program
    .command('disagreements')
    .summary('print how shadow models differ from the published one')
    .description(
      'Ask a running service how its shadow models (setting `shadow`) differ from the first model. Print the latest disagreements, one JSON object per line, newest first; with --report, a table of both predicted nodes for each shadow model since the start of the service. The token of `http.token` is sent.'
    )
    .option('--url <url>', 'address of the service (default: http.host and http.port of the configuration)')
    .option('--report', 'print the table instead of single disagreements')
    .option('--json', 'with --report: one JSON object per shadow model')
    .option('--limit <n>', 'maximum number of disagreements', integer({ min: 1, max: 10_000 }), 1000)
    .option('--model <name>', 'only this shadow model: its name, or the first digits of its SHA-256')
    .option('--object <part>', 'only objects with this text in their id')
    .option('--live <node>', 'only alerts with this node predicted by the published model')
    .option('--shadow <node>', 'only alerts with this node predicted by the shadow model')
    .addOption(
      new Option('--agreement <kind>', 'only disagreements of this kind').choices([
        'ancestor',
        'different',
        'incomparable'
      ])
    )
    .option('--min <p>', 'minimum probability of both predictions', decimal({ min: 0, max: 1 }))
    .option('--since <date>', 'only alerts since this date (UTC, or a Julian date)', julianDate)
    .option('--config <file>', 'configuration file of the service')
    .addHelpText(
      'after',
      `
Examples:
  $ hierax disagreements --report
  $ hierax disagreements --agreement different --min 0.8 | jq -r .objectId | sort -u`
    )
    .action(async options => (await import('./disagreements.ts')).disagreements(options))

/** All commands of the service, in the order of the help. */
export const commands: readonly Register[] = [serve, classify, replay, tail, reclassify, disagreements, store]
