import path from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { PriorPower } from 'hierax/classifier/decision.ts'
import { inputSets, latestInputs } from 'hierax/classifier/input-sets.ts'
import { endSignal } from 'hierax/cli/end-signal.ts'
import { decimal, integer, list, namingAges, priorPower } from 'hierax/cli/options.ts'
import { type Progress, startProgress } from 'hierax/cli/progress.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
import type { NamingAges } from '../evaluation/class-assignment.ts'
import type { Cut } from '../evaluation/predict.ts'
import type { Table } from '../evaluation/tables.ts'
import { defaultOptimiser } from '../network/optimiser.ts'
import type { TrainListener, TrainPlan } from '../session.ts'

const examples = `
Examples:
  $ hierax train --data labelled.jsonl.gz --taxonomy models/taxonomies/ztf-tree-2.json --out models/mine
  $ hierax train --data labelled.jsonl.gz --taxonomy tree.json --out runs/cv --folds 5 --fold 0
  $ hierax train --data labelled.jsonl.gz --taxonomy tree.json --out runs/cv --folds 5 --resume
  $ hierax train --data labelled.jsonl.gz --taxonomy tree.json --out runs/novelty --leave-out TDE --leave-out SLSN --epochs 10
  $ hierax train --data labelled.jsonl.gz --taxonomy tree.json --out models/mine --cross-validation runs/cv --left-out runs/novelty`

/** Collects the values of an option that may be given several times. */
export function repeated(value: string, before: readonly string[]): string[] {
  return [...before, value]
}

/** Adds `hierax train`: labelled light curves to a model folder. */
export function register(program: Command): void {
  const positive = integer({ min: 1 })
  const width = integer({ min: 4, max: 512 })
  program
    .command('train')
    .summary('train a model from labelled light curves')
    .description(
      'Train a network on labelled light curves and write it as a model folder, or cross-validate. It can be broken off at any time (Ctrl-C, or worse) and gone on with by --resume: the result is the same.'
    )
    .requiredOption('--data <list>', 'labelled light curves: FILE.jsonl or FILE.jsonl.gz, several by comma', list)
    .requiredOption('--taxonomy <file>', 'taxonomy: nodes, parents, and the node of each published label')
    .requiredOption('--out <dir>', 'folder for the model')
    .option('--resume', 'go on with a training that was broken off', false)
    .option('--epochs <n>', 'passes over the data', positive, 30)
    .option('--seed <n>', 'seed of all that is random; the same seed gives the same model', integer({ min: 0 }), 0)
    .option('--folds <n>', 'cross-validate over so many folds, and write no model of all objects', integer({ min: 2 }))
    .option('--fold <k>', 'only this one of the folds, from 0', integer({ min: 0 }))
    .option('--fold-seed <n>', 'seed of the division into folds and of what is held out', integer({ min: 0 }), 0)
    .option(
      '--leave-out <node>',
      'train without the objects at or below this node and try how novel they look; repeatable',
      repeated,
      []
    )
    .option('--left-out <dir>', 'folder of a run with --leave-out: its figures for the card')
    .option('--cross-validation <dir>', 'folder of a cross-validation: temperature and figures for the card')
    .option('--alpha <x>', 'levels of the tree count by exp(-alpha * depth)', decimal({ min: 0 }), 0)
    .option('--beta <x>', 'nodes count by (1 / their share of the objects)^beta', decimal({ min: 0 }), 0)
    .addOption(labelsCount())
    .addOption(new Option('--sampling <how>', 'how objects are drawn').choices(samplings).default('natural'))
    .option(
      '--balance <x>',
      'least share of the draws that each child of the root gets (0: as many as it has objects)',
      decimal({ min: 0, max: 0.5 }),
      0
    )
    .option(
      '--persistent <list>',
      'children of the root that stand for persistent sources: seen through windows in time and against other reference images',
      list,
      ['Persistent']
    )
    .option('--synthetic <n>', 'made-up persistent sources to add to the training', integer({ min: 0 }), 0)
    .option(
      '--population <name:shares>',
      'a class mix for the card, such as "stream:Transient=0.04,Persistent=0.96; where the numbers come from"; repeatable, the first is the default',
      populations
    )
    .option('--alerts <list>', 'labelled packets for a context term: JSON lines with packets beside them', list)
    .option('--batch <n>', 'objects in a batch', positive, 128)
    .option('--learning-rate <x>', 'highest learning rate', decimal({ min: 1e-6, max: 1 }), 0.01)
    .option('--weight-decay <x>', 'decay of the weights', decimal({ min: 0, max: 1 }), 1e-4)
    .option('--dropout <x>', 'share of units left out', decimal({ min: 0, max: 0.9 }), 0.15)
    .option('--last-weight <x>', "share of an object's loss that its last detection gets more", decimal(share), 0)
    .option(
      '--early-stopping <n>',
      'stop after so many epochs without gain on held-out objects (0: never)',
      integer({ min: 0 }),
      0
    )
    .option(
      '--held-out <x>',
      'share of objects held out (default: 0.1 with --early-stopping, 0.2 with --leave-out, else 0)',
      decimal({ min: 0, max: 0.5 })
    )
    .option(
      '--start <dir>',
      'model whose weights to begin with, instead of random ones (with --folds: a cross-validation of the same folds)'
    )
    .option(
      '--teachers <list>',
      'models whose answers are learned beside the labels (with --folds: cross-validations of the same folds)',
      list,
      []
    )
    .option('--teaching <x>', 'share of the loss that is the distance from the teachers', decimal(share), 0.5)
    .option('--augment <x>', 'share of draws that are varied', decimal(share), 0.75)
    .option('--copies <n>', 'varied copies of an object', positive, 10)
    .option('--cap <n>', 'detections of an object at most, in training', integer({ min: 2 }), 160)
    .addOption(inputs())
    .option('--embedding <n>', 'width of the layer before the recurrent unit', width, 64)
    .option('--hidden <n>', 'width of the recurrent unit', width, 64)
    .option('--dense <n>', 'width of the layer before the logits', width, 64)
    .option(
      '--prior-power <x>',
      'classes are named by P / prior^x; by days after the first detection: 10:0.5,40:0.4,0.3',
      priorPower,
      0.4
    )
    .option(
      '--naming <days:x>',
      'until so many days, classes of a set are named for the best F1 to be expected, (P - F1/2) / prior^x: 10:1,42:0.5',
      namingAges
    )
    .option(
      '--among <classes>',
      'judge among these classes too, as `hierax evaluate` takes them; repeatable',
      repeated,
      []
    )
    .option('--min-detections <n>', 'detections that objects judged by --among must have', integer({ min: 1 }), 1)
    .option('--days <list>', 'days after the first detection at which to judge', list, [
      '3',
      '7',
      '15',
      '30',
      '60',
      'full'
    ])
    .option('--bootstrap <n>', 'samples for the errors of the figures', integer({ min: 0 }), 100)
    .option('--name <name>', 'name of the model (default: that of the folder)')
    .option('--model-version <version>', 'version of the model', '1.0.0')
    .option('--description <text>', 'what the model is, for its card')
    .option('--limitation <text>', 'a sentence on where not to trust the model, for its card; repeatable', repeated, [])
    .option('--card-command <text>', 'command for the card, where a script runs this one')
    .option('--license <name>', 'licence of the model', 'Apache-2.0')
    .addOption(
      new Option('--runtime <name>', 'TensorFlow.js backend').choices(['auto', 'node', 'wasm']).default('auto')
    )
    .addHelpText('after', examples)
    .action(async ({ population, ...options }: Omit<TrainOptions, 'populations'> & Population) => {
      await runTrain({ ...options, populations: population ?? {} })
    })
}

interface Population {
  readonly population?: TrainOptions['populations']
}

/** Adds `name:Node=0.1,Other=0.9` to the class mixes. */
function populations(value: string, before: TrainOptions['populations'] = {}): TrainOptions['populations'] {
  const [given = '', ...words] = value.split(';')
  const [, name, text] = /^([^:=]+):(.+)$/.exec(given) ?? []
  const shares = (text ?? '').split(',').map(part => {
    const at = part.lastIndexOf('=')
    return [part.slice(0, at).trim(), Number(part.slice(at + 1))] as const
  })
  if (name === undefined || shares.some(([node, share]) => node === '' || !(share > 0 && share < 1)))
    throw new InvalidArgumentError('It must look like stream:Transient=0.04,Persistent=0.96.')
  const description = words.join(';').trim() || `Given as --population ${given}`
  return { ...before, [name.trim()]: { description, shares: Object.fromEntries(shares) } }
}

const samplings = ['natural', 'balanced', 'square-root']
const share = { min: 0, max: 1 }

function inputs(): Option {
  return new Option('--inputs <version>', 'what the network sees of a detection')
    .choices(inputSets.map(({ version }) => version))
    .default(latestInputs.version)
}

function labelsCount(): Option {
  return new Option('--labels-count <what>', 'what the weights of --beta divide by')
    .choices(['labels', 'nodes'])
    .default('labels')
}

/** Options of `hierax train` as commander gives them. */
export interface TrainOptions {
  readonly data: string[]
  readonly taxonomy: string
  readonly out: string
  readonly epochs: number
  readonly seed: number
  readonly alpha: number
  readonly beta: number
  readonly labelsCount: 'labels' | 'nodes'
  readonly folds?: number
  readonly fold?: number
  readonly foldSeed: number
  readonly crossValidation?: string
  readonly leaveOut: string[]
  readonly leftOut?: string
  readonly resume?: true
  readonly sampling: 'natural' | 'balanced' | 'square-root'
  readonly balance: number
  readonly persistent: string[]
  readonly synthetic: number
  readonly limitation: string[]
  readonly populations: TrainPlan['populations']
  readonly alerts?: string[]
  readonly batch: number
  readonly learningRate: number
  readonly weightDecay: number
  readonly dropout: number
  readonly lastWeight: number
  readonly earlyStopping: number
  readonly heldOut?: number
  readonly start?: string
  readonly teachers: string[]
  readonly teaching: number
  readonly augment: number
  readonly copies: number
  readonly cap: number
  readonly inputs: string
  readonly embedding: number
  readonly hidden: number
  readonly dense: number
  readonly priorPower: PriorPower
  readonly naming?: NamingAges
  readonly among: string[]
  readonly minDetections: number
  readonly days: string[]
  readonly bootstrap: number
  readonly name?: string
  readonly modelVersion: string
  readonly description?: string
  readonly cardCommand?: string
  readonly license: string
  readonly runtime: 'auto' | 'node' | 'wasm'
}

/** Runs `hierax train`. Broken off by a signal it saves, says how to go on, and exits with 130. */
export async function runTrain(options: TrainOptions): Promise<void> {
  const plan = planOf(options)
  const { train } = await import('../train.ts')
  const { plainTable } = await import('../evaluation/tables.ts')
  const listener = createListener(plainTable)
  const signal = endSignal(() => {
    listener.end()
    listener.note('Stopping after this batch …')
  })
  const finished = await train(plan, listener, signal)
  if (finished) return
  const again = plan.resume ? plan.command : `${plan.command} --resume`
  process.stderr.write(`Broken off; all that was done is kept. Go on with:\n  ${again}\n`)
  process.exitCode = 130
}

/** Cuts from a list of numbers of days and `full`. Throws USAGE. */
export function cutsOf(days: readonly string[]): Cut[] {
  const cuts = days.map((text): Cut => {
    if (text === 'full') return 'full'
    const value = Number(text)
    if (Number.isFinite(value) && value >= 0) return value
    throw new HieraxError('USAGE', `--days: ${shown(text)} is neither a number of days nor "full"`)
  })
  const order = (cut: Cut): number => (cut === 'full' ? Number.POSITIVE_INFINITY : cut)
  return [...new Set(cuts)].sort((a, b) => order(a) - order(b))
}

function planOf(options: TrainOptions): TrainPlan {
  const { folds = 0, fold = null, earlyStopping } = options
  if (fold !== null && fold >= folds) {
    throw new HieraxError('USAGE', folds === 0 ? '--fold wants --folds' : `--fold ${fold}: folds are 0 to ${folds - 1}`)
  }
  if (folds > 0 && options.crossValidation !== undefined) {
    throw new HieraxError('USAGE', '--cross-validation is for a model of all objects, not for --folds')
  }
  if (options.leaveOut.length > 0 && (folds > 0 || options.crossValidation !== undefined)) {
    throw new HieraxError('USAGE', '--leave-out makes runs of its own, without --folds and --cross-validation')
  }
  const heldOut = options.heldOut ?? (options.leaveOut.length > 0 ? 0.2 : earlyStopping > 0 ? 0.1 : 0)
  if (options.leaveOut.length > 0 && heldOut === 0)
    throw new HieraxError('USAGE', '--leave-out wants --held-out above 0')
  if (earlyStopping > 0 && heldOut === 0) throw new HieraxError('USAGE', '--early-stopping wants --held-out above 0')
  const name = options.name ?? path.basename(path.resolve(options.out))
  const description =
    options.description ??
    `Recurrent network over ZTF difference photometry with a softmax inside each group of siblings of a tree.`
  return {
    data: options.data,
    taxonomy: options.taxonomy,
    out: options.out,
    runtime: options.runtime,
    fit: fitOptionsOf(options),
    folds,
    fold,
    foldSeed: options.foldSeed,
    heldOut,
    resume: options.resume ?? false,
    crossValidation: options.crossValidation ?? null,
    leaveOut: [...new Set(options.leaveOut)],
    leftOut: options.leftOut ?? null,
    start: options.start ?? null,
    teachers: options.teachers,
    populations: options.populations,
    synthetic: options.synthetic,
    limitations: options.limitation,
    alerts: options.alerts ?? null,
    among: options.among,
    minDetections: options.minDetections,
    days: cutsOf(options.days),
    bootstrap: options.bootstrap,
    card: { name, version: options.modelVersion, description, license: options.license },
    priorPower: options.priorPower,
    namingAges: options.naming ?? [],
    command: options.cardCommand ?? `hierax ${process.argv.slice(2).map(quoted).join(' ')}`
  }
}

function fitOptionsOf(o: TrainOptions): TrainPlan['fit'] {
  return {
    inputs: o.inputs,
    epochs: o.epochs,
    batch: o.batch,
    seed: o.seed,
    sampling: o.sampling,
    balance: { share: o.balance, persistent: o.persistent.join() },
    dropout: o.dropout,
    lastWeight: o.lastWeight,
    patience: o.earlyStopping,
    teaching: o.teachers.length > 0 ? o.teaching : 0,
    widths: { embedding: o.embedding, hidden: o.hidden, dense: o.dense },
    whxe: { alpha: o.alpha, beta: o.beta, labelsCount: o.labelsCount },
    optimiser: { ...defaultOptimiser, learningRate: o.learningRate, weightDecay: o.weightDecay },
    augmentation: { share: o.augment, copies: o.copies, cap: o.cap }
  }
}

/** Shows a bar on a terminal and a line an epoch everywhere, on standard error; tables go to standard output. */
function createListener(plainTable: (table: Table) => string): TrainListener {
  let bar: Progress | null = null
  let done = 0
  let total = 0
  const say = (text: string): void => {
    process.stderr.write(`${text}\n`)
  }
  const start = async (): Promise<void> => {
    bar = await startProgress({ total, unit: 'batches' })
    bar.advance(done)
  }
  const stop = (): void => {
    bar?.stop()
    bar = null
  }
  return {
    note: say,
    async begin(title, batches, before) {
      say(`Training ${title}: ${batches} batches${before > 0 ? `, of which ${before} were done before` : ''}.`)
      total = batches
      done = before
      await start()
    },
    batch() {
      done += 1
      bar?.advance()
    },
    async epoch({ epoch, trainingLoss, heldOutLoss, seconds }, epochs) {
      stop()
      const held = heldOutLoss === null ? '' : `, held out ${heldOutLoss.toFixed(4)}`
      const left = epoch + 1 < epochs ? `, about ${minutes((epochs - epoch - 1) * seconds)} left` : ''
      say(`Epoch ${epoch + 1} of ${epochs}: loss ${trainingLoss.toFixed(4)}${held}, ${seconds.toFixed(1)} s${left}`)
      await start()
    },
    end: stop,
    tables: tables => {
      process.stdout.write(`${tables.map(plainTable).join('\n\n')}\n`)
    }
  }
}

function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`
}

/** An argument as a shell takes it. */
function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
}
