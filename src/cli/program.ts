import { debuglog } from 'node:util'
import { Command, CommanderError } from 'commander'
import { maskUrl } from '../config/show.ts'
import { describeError, HieraxError, nearest, shown } from '../errors.ts'
import { version } from '../version.ts'
import { commands, type Register } from './commands.ts'
import { isRepeatable } from './options.ts'

/** Packages with commands that a service does without. Their module `commands.ts` exports the list `commands`. */
const packages = [
  {
    name: '@hierax/training',
    commands: ['train', 'evaluate', 'convert'],
    remedy: 'run `npm install @hierax/training` beside `hierax`'
  },
  {
    name: '@hierax/tools',
    commands: ['simulate', 'demo'],
    remedy: 'clone the repository and run `npm install` there'
  }
] as const

/** Shows errors with their stacks and causes: `NODE_DEBUG=hierax`. */
const debug = debuglog('hierax')

/**
 * The `hierax` command with all its subcommands; those of a package that is not installed only say how to get it. Where the arguments
 * name a command or ask for the version, no package is loaded that they do not need.
 */
export async function createProgram(args: readonly string[] = []): Promise<Command> {
  const program = new Command('hierax')
    .description(
      'Hierax classifies ZTF alerts: it reads them from Kafka and publishes the probability of every node of a taxonomy to Kafka.'
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', '\nExample:\n  $ hierax classify alerts/ | head -1')
    .configureHelp({ showGlobalOptions: false })
    .exitOverride()
    // Printed by `run`, in the form of all other errors.
    .configureOutput({ outputError: () => undefined })
  for (const register of commands) register(program)
  const [first = ''] = args
  if (['-V', '--version', ...program.commands.map(command => command.name())].includes(first)) return program
  const owner = packages.find(({ commands }) => commands.some(name => name === first))
  for (const optional of owner ? [owner] : packages) {
    for (const register of (await installed(optional.name)) ?? absent(optional)) register(program)
  }
  return program
}

/** The commands of a package; null where it is not installed. */
async function installed(name: string): Promise<readonly Register[] | null> {
  const specifier = `${name}/commands.ts`
  try {
    return (await import(specifier)).commands
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`)) return null
    throw error
  }
}

function absent({ name, commands, remedy }: (typeof packages)[number]): readonly Register[] {
  return commands.map(command => program => {
    program
      .command(command)
      .summary(`not installed: part of ${name}`)
      .description(`\`hierax ${command}\` is part of ${name}, which is not installed: ${remedy}.`)
      .argument('[arguments...]')
      .allowUnknownOption()
      .action(() => {
        throw new HieraxError('NOT_INSTALLED', `\`hierax ${command}\` is part of the package ${name}: ${remedy}`)
      })
  })
}

/**
 * Runs the command line and resolves with the exit code: 0 success, 1 a failure of Hierax or its environment, 2 wrong usage. Errors go
 * to standard error as `hierax: CODE: message. remedy`.
 *
 * @param args arguments without the interpreter and the script
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    const program = await createProgram(args)
    checkValues(program)
    await program.parseAsync(args, { from: 'user' })
    return typeof process.exitCode === 'number' ? process.exitCode : 0
  } catch (thrown) {
    if (thrown instanceof CommanderError && isHelp(thrown, args)) return thrown.exitCode
    const error = thrown instanceof CommanderError ? await usageError(thrown, args) : HieraxError.from(thrown)
    process.stderr.write(`${describeError(error)}\n`)
    debug('%o', thrown)
    return error.kind === 'usage' ? 2 : 1
  }
}

/**
 * Makes the options of a command, and of those below it, refuse an empty value, which is most often a variable that is not set, and those that
 * take one value refuse a second one: commander keeps the last.
 */
function checkValues(command: Command): void {
  for (const option of command.options) {
    if (option.isBoolean()) continue
    let before: string | undefined
    command.on(`option:${option.name()}`, (value: string) => {
      if (value === '') throw new HieraxError('USAGE', `${option.long} is empty: give it a value, or leave it out`)
      if (isRepeatable(option.parseArg)) return
      if (before !== undefined) {
        const [first, second] = [before, value].map(each => shown(maskUrl(each)))
        const remedy = option.flags.includes('<list>') ? 'give one list, separated by commas' : 'give it once'
        throw new HieraxError('USAGE', `${option.long} was given twice, as ${first} and as ${second}: ${remedy}`)
      }
      before = value
    })
  }
  for (const each of command.commands) checkValues(each)
}

/** Help or version that was asked for; the help that a missing command brings is an error. */
function isHelp(thrown: CommanderError, args: readonly string[]): boolean {
  return thrown.exitCode === 0 && args.length > 0
}

async function usageError(thrown: CommanderError, args: readonly string[]): Promise<HieraxError> {
  if (thrown.code === 'commander.help') return new HieraxError('USAGE', 'no command was named', { cause: thrown })
  // Commander compares `--option=value` whole, and so finds nothing near.
  const withValue = /unknown option '(--[^=']+)=/.exec(thrown.message)?.[1]
  if (withValue !== undefined) {
    const message = `unknown option '${withValue}'. Did you mean ${nearest(withValue, await longOptions(args))}?`
    return new HieraxError('USAGE', message, { cause: thrown })
  }
  const message = thrown.message.replace(/^error: /, '').replace(/\s*\(Did you mean (.+)\?\)$/s, '. Did you mean $1?')
  return new HieraxError('USAGE', message, { cause: thrown })
}

/** Long options of the command that the arguments name. */
async function longOptions(args: readonly string[]): Promise<string[]> {
  let command: Command = await createProgram(args)
  for (const arg of args) command = command.commands.find(c => c.name() === arg) ?? command
  return [...command.options.map(option => option.long ?? ''), '--help'].filter(name => name !== '')
}
