import path from 'node:path'
import type { PriorPower } from 'hierax/classifier/decision.ts'
import { endSignal } from 'hierax/cli/end-signal.ts'
import { type Progress, startProgress } from 'hierax/cli/progress.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
import type { NamingAges } from '../naming.ts'
import { defaultOptimiser } from '../optimiser.ts'
import type { Cut } from '../predict.ts'
import type { TrainListener, TrainPlan } from '../session.ts'
import { plainTable } from '../tables.ts'
import { train } from '../train.ts'

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
  const listener = createListener()
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
function createListener(): TrainListener {
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
