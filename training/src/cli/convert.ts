import { createWriteStream } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { decimal, list, repeatable, repeated } from 'hierax/cli/options.ts'
import { checkFolderOf, checkOutputs, named } from 'hierax/cli/outputs.ts'
import { HieraxError } from 'hierax/errors.ts'
import type { ConvertPlan } from '../convert/convert.ts'
import { formats } from '../convert/formats.ts'

const examples = `
Examples:
  $ hierax convert examples/tables/ZTF99aaaaaaa_alerce.csv > objects.jsonl
  $ hierax convert examples/tables/* --id ZTF99aaaaaaa --labels examples/labels.csv --out labelled-objects.jsonl.gz --overwrite
  $ hierax convert examples/tables/ZTF99aaaaaaa_ipac.txt --detection-sigma 3 --any-quality --verbose
  $ hierax convert examples/tables/ZTF99aaaaaaa_skyportal-mag.csv --rename limiting_mag=maglim --ignore altdata

Formats (--format; recognised by their columns):
${formats.map(({ name, title }) => `  ${name.padEnd(13)}${title}`).join('\n')}

Points in bands other than ZTF's g, r and i are left out and counted, as are points
of poor quality and second points of an exposure. docs/convert.md has the rules.`

interface ConvertOptions extends Omit<ConvertPlan, 'files'> {
  readonly out?: string
  readonly overwrite?: true
  readonly verbose?: true
}

/** Adds `hierax convert`: tables of light curves to the file that the other commands read. */
export function register(program: Command): void {
  program
    .command('convert')
    .summary('convert tables of light curves for train, evaluate and simulate')
    .description(
      'Convert light curves from tables (ALeRCE, SkyPortal, IPAC forced photometry, Fink, Lasair, NMMA) to JSON Lines, one object per line, as train, evaluate and simulate read them. Rows of one object in several files become one light curve. What is left out is counted on standard error.'
    )
    .argument('<file...>', 'tables: CSV, text or JSON, also compressed by gzip, or - for one on standard input')
    .option('--out <file>', 'write to this file (compressed if it ends in .gz) instead of standard output')
    .option('--overwrite', 'replace the file of --out')
    .addOption(new Option('--format <name>', 'format of the tables').choices(formats.map(({ name }) => name)))
    .option(
      '--id <name>',
      'name of the object, if there is only one (default: as in the table, else the name of the file)'
    )
    .option('--labels <file>', 'CSV file with the columns id, label and optionally z')
    .addOption(
      new Option(
        '--photometry <kind>',
        'whether magnitudes are differences to a reference image or totals of a variable star'
      )
        .choices(['difference', 'total'])
        .default('difference')
    )
    .option(
      '--detection-sigma <n>',
      'a flux of at least this many errors is a detection, a smaller one an upper limit of 5 errors',
      decimal({ min: 1 }),
      5
    )
    .option('--zero-point <mag>', 'AB magnitude of flux 1, for fluxes without a unit', decimal({ min: 0 }))
    .option('--time-zero <mjd>', 'MJD of time 0, for times in days since then', decimal({ min: 0 }))
    .option('--take-bands <list>', "other surveys whose g, r and i are taken as ZTF's, such as sdss or lsst", list, [])
    .option('--any-quality', 'take points of poor quality as well', false)
    .option('--rename <old=new>', 'read a column under another name; repeatable', renames, new Map())
    .option('--ignore <column>', 'leave out a column; repeatable', repeated, [])
    .option('--verbose', 'report which columns are used and which are ignored')
    .addHelpText('after', examples)
    .action(runConvert)
}

const renames = repeatable((value, before: ReadonlyMap<string, string>): ReadonlyMap<string, string> => {
  const at = value.lastIndexOf('=')
  if (at < 1 || at === value.length - 1) throw new InvalidArgumentError('It must look like MAG_CAL=mag.')
  const [column, name] = [value.slice(0, at), value.slice(at + 1)]
  const other = [...before].find(([each]) => each.toLowerCase() === column.toLowerCase())?.[1]
  if (other !== undefined)
    throw new InvalidArgumentError(`Column ${column} is renamed twice, to ${other} and to ${name}.`)
  return new Map([...before, [column, name]])
})

/** Runs `hierax convert`: light curves on standard output or in a file, what was left out on standard error. */
async function runConvert(
  files: string[],
  options: ConvertOptions & { readonly detectionSigma: number }
): Promise<void> {
  const { out, overwrite = false, verbose = false, detectionSigma: sigma } = options
  checkOutputs(named('--out', out), [...named('the table', files), ...named('--labels', options.labels)])
  for (const each of named('--out', out)) checkFolderOf(each)
  const { convert } = await import('../convert/convert.ts')
  const { lines, notes, details } = await convert({ ...options, files, sigma })
  const text = Readable.from(lines.map(line => `${line}\n`))
  const report = [...notes, ...(verbose ? details : [])]
  if (out !== undefined) {
    const file = createWriteStream(out, { flags: overwrite ? 'w' : 'wx' })
    await pipeline(text, out.endsWith('.gz') ? createGzip() : new PassThrough(), file).catch(cause => {
      const exists = `${out} exists; name another file, or give --overwrite`
      const message = cause.code === 'EEXIST' ? exists : `${out} cannot be written (${cause.message})`
      throw new HieraxError('USAGE', `--out: ${message}`, { cause })
    })
  }
  process.stderr.write(report.map(line => `${line}\n`).join(''))
  if (out === undefined) for await (const line of text) process.stdout.write(line)
}
