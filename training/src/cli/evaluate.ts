import fs from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Command, Option } from 'commander'
import type { PopulationSetting } from 'hierax/classifier/probabilities/population.ts'
import { integer, list, populationOption, repeated } from 'hierax/cli/options.ts'
import { checkFolderOf, checkOutputs, named } from 'hierax/cli/outputs.ts'
import { type Progress, startProgress } from 'hierax/cli/terminal/progress.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
import type { EvaluatePlan } from '../evaluation/evaluate.ts'
import type { Cut } from '../evaluation/predict.ts'

const examples = `
Examples:
  $ hierax evaluate --model models/mine --data labelled.jsonl.gz
  $ hierax evaluate --data labelled.jsonl.gz --days 7,30,full --among "SN Ia,SN II,SN IIn+SLSN-II,SLSN-I,SN Ib/c,-SN IIb" --min-detections 5
  $ hierax evaluate --model models/mine --data labelled.jsonl.gz --report report/
  $ hierax evaluate --model models/mine --alerts labelled-alerts.jsonl.gz --json purity.json
  $ hierax evaluate --data labelled.jsonl.gz --predictions predictions.jsonl --json evaluation.json

Sets of classes: names by comma; A+B counts as one class, named A; -C leaves the objects of C out;
in A~B objects of B are judged as A, whose own probability alone speaks for it.`

/** Adds `hierax evaluate`: how well a model does on labelled light curves and packets. */
export function register(program: Command): void {
  program
    .command('evaluate')
    .summary('evaluate a model on labelled light curves or alert packets')
    .description(
      'With --data, classify labelled light curves as they were a number of days after the first detection. Print scores at every depth of the tree and among sets of classes, and the calibration of every node. With --alerts, classify labelled packets. Print scores on real alerts, and the expected purity and completeness of every node in the population, by threshold and number of detections.'
    )
    .option('--data <list>', 'labelled light curves: FILE.jsonl or FILE.jsonl.gz, separated by commas', list, [])
    .option(
      '--alerts <list>',
      'labelled packets, separated by commas: JSON lines that refer to packets in the same folder, or files, folders and archives of packets whose objects --data labels',
      list,
      []
    )
    .option(...populationOption)
    .option('--model <dir>', 'model folder (default: the bundled model)')
    .option('--days <list>', 'days after the first detection', list, ['3', '7', '15', '30', '60', 'full'])
    .option('--among <classes>', 'set of classes to evaluate as well, such as "SN Ia,SN II"; repeatable', repeated, [])
    .option('--min-detections <n>', 'minimum number of detections of an object for --among', integer({ min: 1 }), 1)
    .option('--bootstrap <n>', 'bootstrap samples for the errors', integer({ min: 0 }), 100)
    .option('--json <file>', 'write all results to this file')
    .option('--predictions <file>', 'write one JSON line per object and number of days to this file')
    .option('--report <dir>', 'write a self-contained page with plots (index.html) to this folder')
    .addOption(
      new Option('--runtime <name>', 'TensorFlow.js backend').choices(['auto', 'node', 'wasm']).default('auto')
    )
    .addHelpText('after', examples)
    .action(runEvaluate)
}

/** Options as commander gives them. */
interface EvaluateOptions extends Omit<EvaluatePlan, 'model' | 'days' | 'population'> {
  readonly model?: string
  readonly population?: string
  readonly days: string[]
  readonly json?: string
  readonly report?: string
}

/** Runs `hierax evaluate`: tables on standard output, notes on the data on standard error. */
async function runEvaluate({ model, days, population, json, report, ...options }: EvaluateOptions): Promise<void> {
  const { data, alerts = [], predictions } = options
  if (data.length === 0 && alerts.length === 0) {
    throw new HieraxError('USAGE', 'nothing to evaluate: name labelled light curves (--data) or packets (--alerts)')
  }
  const ofCurves = predictions !== undefined ? '--predictions' : options.among.length > 0 ? '--among' : null
  if (data.length === 0 && ofCurves !== null) {
    throw new HieraxError('USAGE', `${ofCurves} needs light curves: name them with --data`)
  }
  const { bundledModel } = await import('hierax/classifier/model-folder.ts')
  const { isPacketFile } = await import('hierax/streams/files.ts')
  const files = [...named('--json', json), ...named('--predictions', predictions)]
  checkOutputs(
    [...files, ...named('--report', report === undefined ? undefined : path.join(report, 'index.html'))],
    [
      ...named('--data', data),
      ...named('--alerts', alerts).map(each => ({ ...each, reads: isPacketFile })),
      ...named('the model', model ?? bundledModel)
    ]
  )
  for (const file of files) checkFolderOf(file)
  if (report !== undefined && fs.statSync(report, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new HieraxError('USAGE', `--report ${report} is not a folder`)
  const { ascendingCuts } = await import('../evaluation/predict.ts')
  const plan: EvaluatePlan = {
    ...options,
    model: model ?? bundledModel,
    days: ascendingCuts(cutsOf(days)),
    ...(population === undefined ? {} : { population: await populationOf(population) })
  }
  const { evaluate } = await import('../evaluation/evaluate.ts')
  const { reportOf, writeReport } = await import('../evaluation/report.ts')
  const { plainTable } = await import('../evaluation/tables.ts')
  let progress: Progress | undefined
  const outcome = await evaluate(plan, {
    begin: async objects => {
      if (objects > 0) progress = await startProgress({ total: objects, unit: 'objects' })
    },
    advance: count => progress?.advance(count)
  }).finally(() => progress?.stop())
  const { name, version, runtime } = outcome.model
  for (const note of [`${name} ${version} on ${runtime}.`, ...outcome.notes]) process.stderr.write(`${note}\n`)
  const { tables, ...figures } = outcome
  if (tables.length > 0) process.stdout.write(`${tables.map(plainTable).join('\n\n')}\n`)
  else if (predictions !== undefined)
    process.stderr.write('No object has a label of the taxonomy; none is evaluated.\n')
  else {
    const known = 'no object has a label of the taxonomy of the model'
    const hint = 'labels of packets come from JSON lines, or by object id from --data'
    throw new HieraxError('USAGE', `there is nothing to evaluate, as ${known}; ${hint}`)
  }
  if (report !== undefined) process.stderr.write(`Report: ${await writeReport(report, reportOf(outcome))}\n`)
  if (json === undefined) return
  try {
    await writeFile(json, `${JSON.stringify(figures, null, 1)}\n`)
  } catch (cause) {
    throw new HieraxError('USAGE', `--json ${json} can't be written: ${(cause as Error).message}`, { cause })
  }
}

/** A population, as the setting `population` takes it in text. Throws USAGE. */
async function populationOf(text: string): Promise<PopulationSetting> {
  const { population } = await import('hierax/config/kinds.ts')
  const parsed = population.schema.safeParse(population.read(text))
  if (parsed.success) return parsed.data
  throw new HieraxError('USAGE', `--population ${shown(text)}: it takes ${population.expected}`)
}

/** Cuts from a list of numbers of days and `full`. Throws USAGE. */
function cutsOf(days: readonly string[]): Cut[] {
  return days.map((text): Cut => {
    if (text === 'full') return 'full'
    const value = Number(text)
    if (Number.isFinite(value) && value >= 0) return value
    throw new HieraxError('USAGE', `--days: ${shown(text)} is neither a number of days nor "full"`)
  })
}
