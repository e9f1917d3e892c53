import type { Argument, Command, Option } from 'commander'
import { createProgram } from '../../src/cli/program.ts'
import { code, page, table } from './markdown.ts'

/** The reference page of the command line, from the commands' own descriptions. */
export async function cliPage(): Promise<string> {
  const program = await createProgram()
  const commands = program.commands.flatMap(command => withSubcommands(command, 'hierax'))
  return page(
    'Command line',
    `Run \`npx hierax …\` in a checkout, \`hierax …\` if it is installed. Every command has \`--help\`. Exit codes: 0 success, 1 a failure
of Hierax or its environment, 2 wrong usage. Errors are written to standard error as \`hierax: CODE: message. What to do\`
([errors.md](errors.md)). Settings also come from \`--config\` and the environment ([configuration.md](configuration.md)).

${table(
  ['Command', 'Purpose'],
  commands.map(({ name, command }) => [
    `[${name}](#${name.replaceAll(' ', '-')})`,
    command.summary() || command.description()
  ])
)}

${commands.map(section).join('\n\n')}`
  )
}

interface Named {
  readonly name: string
  readonly command: Command
}

/** A command, or its subcommands if it only groups them. */
function withSubcommands(command: Command, parent: string): Named[] {
  const name = `${parent} ${command.name()}`
  const inner = command.commands.filter(sub => sub.name() !== 'help')
  return inner.length === 0 ? [{ name, command }] : inner.flatMap(sub => withSubcommands(sub, name))
}

function section({ name, command }: Named): string {
  const parts = [`## ${name}`, command.description()]
  const given = command.registeredArguments
  parts.push(code([name, command.options.length > 0 ? '[options]' : '', ...given.map(usage)].filter(Boolean).join(' ')))
  const rows = [...given.map(argumentRow), ...command.options.filter(({ hidden }) => !hidden).map(optionRow)]
  if (rows.length > 0) parts.push(table(['Argument or option', 'Meaning', 'Default'], rows))
  const examples = examplesOf(command)
  if (examples.length > 0) parts.push(`\`\`\`sh\n${examples.join('\n')}\n\`\`\``)
  return parts.join('\n\n')
}

function usage(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`
  return argument.required ? `<${name}>` : `[${name}]`
}

function argumentRow(argument: Argument): string[] {
  return [code(usage(argument)), argument.description, '']
}

function optionRow({ flags, description, argChoices, defaultValue }: Option): string[] {
  const choices = argChoices ? ` (${argChoices.map(code).join(' or ')})` : ''
  return [code(flags), description + choices, defaultValue === undefined ? '' : code(String(defaultValue))]
}

/** The commands in the examples at the end of the help. */
function examplesOf(command: Command): string[] {
  const help: string[] = []
  command.configureOutput({ writeOut: text => void help.push(text) }).outputHelp()
  return [...help.join('').matchAll(/^ {2}\$ (.*)$/gm)].map(match => match[1] as string)
}
