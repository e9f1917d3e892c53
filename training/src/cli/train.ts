import fs from 'node:fs'
import path from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { endSignal } from 'hierax/cli/end-signal.ts'
import { integer, list, repeatable, repeated } from 'hierax/cli/options.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
import type { TrainPlan } from '../session.ts'
import { createListener } from './train-progress.ts'

const examples = `
Examples:
  $ hierax train --data labelled.jsonl.gz --taxonomy models/taxonomies/ztf-tree-2.json --out models/mine
  $ hierax train --data labelled.jsonl.gz --taxonomy tree.json --out runs/cv --recipe mine.json --folds 5 --fold 0
  $ hierax train --data labelled.jsonl.gz --taxonomy tree.json --out runs/cv --folds 5 --resume
  $ hierax train --data labelled.jsonl.gz --taxonomy tree.json --out runs/novelty --leave-out TDE --leave-out SLSN --epochs 10
  $ hierax train --data labelled.jsonl.gz --taxonomy tree.json --out models/mine --cross-validation runs/cv --left-out runs/novelty`

/** Options of earlier versions and the keys of a recipe that they are now. */
const movedOptions = {
  alpha: 'loss.alpha',
  beta: 'loss.beta',
  'labels-count': 'loss.labelsCount',
  'last-weight': 'loss.lastWeight',
  teaching: 'loss.distillation',
  'fold-seed': 'foldSeed',
  inputs: 'network.inputs',
  embedding: 'network.embedding',
  hidden: 'network.hidden',
  dense: 'network.dense',
  dropout: 'network.dropout',
  batch: 'schedule.batch',
  'learning-rate': 'schedule.learningRate',
  'weight-decay': 'schedule.weightDecay',
  'early-stopping': 'schedule.earlyStopping',
  'held-out': 'schedule.heldOut',
  sampling: 'sampling.draws',
  balance: 'sampling.balance',
  persistent: 'sampling.persistent',
  synthetic: 'sampling.synthetic',
  augment: 'augmentation.share',
  copies: 'augmentation.copies',
  cap: 'augmentation.cap',
  'prior-power': 'decision.priorPower',
  naming: 'decision.bestF1',
  among: 'judged.among',
  'min-detections': 'judged.minDetections',
  days: 'judged.days',
  bootstrap: 'judged.bootstrap',
  description: 'card.description',
  limitation: 'card.limitations',
  license: 'card.license',
  'card-command': 'card.command'
} as const

/** Options as commander gives them. */
interface TrainOptions
  extends Pick<TrainPlan, 'data' | 'taxonomy' | 'out' | 'runtime' | 'resume' | 'overwrite' | 'leaveOut' | 'teachers'> {
  readonly recipe: string
  readonly epochs?: number
  readonly seed?: number
  readonly folds?: number
  readonly fold?: number
  readonly leftOut?: string
  readonly crossValidation?: string
  readonly start?: string
  readonly population?: TrainPlan['populations']
  readonly alerts?: string[]
  readonly name?: string
  readonly modelVersion: string
}

/** Adds `hierax train`: labelled light curves to a model folder. */
export function register(program: Command): void {
  const command = program
    .command('train')
    .summary('train a model from labelled light curves')
    .description(
      'Train a network on labelled light curves and write a model folder, or cross-validate. You can interrupt the command at any time and resume it with --resume; the result is the same.'
    )
    .requiredOption('--data <list>', 'labelled light curves: FILE.jsonl or FILE.jsonl.gz, separated by commas', list)
    .requiredOption('--taxonomy <file>', 'taxonomy file: nodes, parents, and the node of each published label')
    .requiredOption('--out <dir>', 'output folder')
    .option(
      '--recipe <file>',
      'all other settings: FILE.json, or the name of a bundled recipe, such as ztf-hawk-2 (docs/training.md)',
      'default'
    )
    .option('--alerts <list>', 'labelled packets for a context term (docs/training.md)', list)
    .option('--resume', 'resume an interrupted training', false)
    .option('--overwrite', 'replace a model or an interrupted training in --out', false)
    .option('--epochs <n>', "passes over the data (default: the recipe's, else 30)", integer({ min: 1 }))
    .option(
      '--seed <n>',
      "random seed; the same seed gives the same model (default: the recipe's, else 0)",
      integer({ min: 0 })
    )
    .option(
      '--folds <n>',
      'cross-validate with this number of folds, without a model of all objects',
      integer({ min: 2 })
    )
    .option('--fold <k>', 'train only this fold, counted from 0', integer({ min: 0 }))
    .option('--cross-validation <dir>', 'output of a run with --folds; its temperature and scores go into the card')
    .option(
      '--leave-out <node>',
      'train without the objects at or below this node and measure their novelty; repeatable',
      repeated,
      []
    )
    .option('--left-out <dir>', 'output of a run with --leave-out; its results go into the card')
    .option(
      '--start <dir>',
      'model with the initial weights (with --folds: a cross-validation with the same folds; default: random weights)'
    )
    .option(
      '--teachers <list>',
      'models to distil from, in addition to the labels (with --folds: cross-validations with the same folds)',
      list,
      []
    )
    .option(
      '--population <name:shares>',
      'class mix for the card, such as "stream:Transient=0.04,Persistent=0.96; origin of the shares"; repeatable, the first is the default',
      populations
    )
    .option('--name <name>', 'name of the model (default: name of the folder)')
    .option('--model-version <version>', 'version of the model', '1.0.0')
    .addOption(
      new Option('--runtime <name>', 'TensorFlow.js backend').choices(['auto', 'node', 'wasm']).default('auto')
    )
    .addHelpText('after', examples)
    .action(runTrain)
  for (const [name, key] of Object.entries(movedOptions)) {
    const moved = new Option(`--${name} <value>`).hideHelp().argParser(() => {
      throw new InvalidArgumentError(`It is now the key ${key} of a recipe: --recipe FILE.`)
    })
    command.addOption(moved)
  }
}

/** Adds `name:Node=0.1,Other=0.9` to the class mixes. */
const populations = repeatable((value, before: TrainPlan['populations'] = {}): TrainPlan['populations'] => {
  const [given = '', ...words] = value.split(';')
  const [, name = '', text = ''] = /^([^:=]+):(.+)$/.exec(given) ?? []
  const shares = text.split(',').map(part => {
    const at = part.lastIndexOf('=')
    return [part.slice(0, at).trim(), Number(part.slice(at + 1))] as const
  })
  if (name.trim() === '' || shares.some(([node, share]) => node === '' || !(share > 0 && share < 1)))
    throw new InvalidArgumentError('It must look like stream:Transient=0.04,Persistent=0.96.')
  const twice = shares.find(([node], at) => shares.findIndex(([other]) => other === node) < at)
  if (twice !== undefined) throw new InvalidArgumentError(`Node ${twice[0]} has two shares.`)
  if (Object.hasOwn(before, name.trim())) throw new InvalidArgumentError(`Class mix ${name.trim()} was given already.`)
  const description = words.join(';').trim() || `Given as --population ${given}`
  return { ...before, [name.trim()]: { description, shares: Object.fromEntries(shares) } }
})

/** Runs `hierax train`. Interrupted by a signal it saves, says how to resume, and exits with 130. */
async function runTrain(options: TrainOptions): Promise<void> {
  const { train } = await import('../train.ts')
  const { plainTable } = await import('../evaluation/tables.ts')
  const plan = await planOf(options)
  const listener = createListener(plainTable)
  const signal = endSignal(() => {
    listener.end()
    listener.note('Stopping after this batch …')
  })
  const finished = await train(plan, listener, signal)
  if (finished) return
  const again = plan.resume ? commandLine() : `${commandLine()} --resume`
  process.stderr.write(`Interrupted; all that was done is saved. Resume with:\n  ${again}\n`)
  process.exitCode = 130
}

async function planOf(options: TrainOptions): Promise<TrainPlan> {
  const { readRecipe } = await import('../recipe.ts')
  const { heldOutShare } = await import('../session.ts')
  const { folds = 0, fold = null, population = {}, data, taxonomy, out, runtime, resume, overwrite, teachers } = options
  const refuse = (message: string): never => {
    throw new HieraxError('USAGE', message)
  }
  const leaveOut = [...new Set(options.leaveOut)]
  if (fold !== null && fold >= folds) {
    refuse(folds === 0 ? '--fold needs --folds' : `--fold ${fold}: folds are 0 to ${folds - 1}`)
  }
  // What a cross-validation, or a run with nodes left out, does not use.
  const ofModel = {
    '--cross-validation': options.crossValidation,
    '--left-out': options.leftOut,
    '--alerts': options.alerts
  }
  for (const [option, value] of Object.entries(ofModel)) {
    if (value === undefined || (folds === 0 && leaveOut.length === 0)) continue
    const run =
      folds > 0
        ? `--folds ${folds} makes a cross-validation, and no model of all objects`
        : '--leave-out measures novelty, and makes no model of all objects'
    refuse(`${option} is for the card of a model of all objects; ${run}: leave out one of the two options`)
  }
  if (leaveOut.length > 0) {
    if (folds > 0) refuse('--leave-out makes runs of its own, without --folds')
    const begun = options.start !== undefined ? '--start' : teachers.length > 0 ? '--teachers' : null
    if (begun !== null) refuse(`--leave-out trains networks that never saw the node, without ${begun}`)
  }
  if (fs.statSync(out, { throwIfNoEntry: false })?.isDirectory() === false)
    refuse(`--out ${shown(out)} is not a folder`)
  const read = await readRecipe(options.recipe)
  const recipe = { ...read, epochs: options.epochs ?? read.epochs, seed: options.seed ?? read.seed }
  if (heldOutShare({ recipe, leaveOut }) === 0) {
    if (leaveOut.length > 0) refuse('--leave-out needs schedule.heldOut of the recipe above 0')
    if (recipe.schedule.earlyStopping > 0) refuse('schedule.earlyStopping of the recipe needs schedule.heldOut above 0')
  }
  return {
    ...{ data, taxonomy, out, runtime, recipe, resume, overwrite, folds, fold, leaveOut, teachers },
    recipeName: options.recipe === 'default' ? null : path.basename(options.recipe, '.json'),
    leftOut: options.leftOut ?? null,
    crossValidation: options.crossValidation ?? null,
    start: options.start ?? null,
    populations: { ...population, ...recipe.card.populations, ...population },
    alerts: options.alerts ?? null,
    name: options.name ?? path.basename(path.resolve(out)),
    version: options.modelVersion,
    command: recipe.card.command ?? commandLine()
  }
}

/** The command that runs, as a shell takes it. */
function commandLine(): string {
  const quoted = (argument: string): string =>
    /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
  return `hierax ${process.argv.slice(2).map(quoted).join(' ')}`
}
