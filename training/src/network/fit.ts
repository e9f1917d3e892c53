import { setImmediate } from 'node:timers/promises'
import { type InputSet, inputSetOf } from 'hierax/classifier/input-sets.ts'
import type { Weights } from 'hierax/classifier/network.ts'
import type { Runtime } from 'hierax/classifier/runtime.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import { HieraxError } from 'hierax/errors.ts'
import type { KnownObject } from '../data/labelled.ts'
import { random } from '../random.ts'
import type { Augmentation } from './augment.ts'
import { type Batch, epochBatches, plainBatches, type RootBalance, type Sampling } from './batches.ts'
import { distilledLoss, Ensemble, type Teacher } from './distillation.ts'
import { dropoutFactors } from './layers.ts'
import { adamStep, type Moments, noMoments, type OptimiserOptions, oneCycle } from './optimiser.ts'
import { type BatchLoss, initialWeights, TrainableNetwork, type Widths } from './trainable.ts'
import { nodeWeights, Whxe, type WhxeOptions } from './whxe.ts'

/** All that decides the outcome of a training beside its data, its taxonomy and the runtime. */
export interface FitOptions {
  /** Version of the inputs. */
  readonly inputs: string
  readonly epochs: number
  /** Sequences of a batch. */
  readonly batch: number
  readonly seed: number
  readonly sampling: Sampling
  readonly balance: BalanceOptions
  readonly dropout: number
  /** Share of an object's loss that its last step gets more. */
  readonly lastWeight: number
  /** Ends when the held-out loss has not fallen for so many epochs, and takes the best weights; 0: never. */
  readonly patience: number
  /** Share of the loss that is the distance from the teachers' answers, where there are teachers. */
  readonly distillation: number
  readonly widths: Widths
  readonly whxe: WhxeOptions
  readonly optimiser: OptimiserOptions
  readonly augmentation: Augmentation
}

/** How the children of the root are drawn. */
export interface BalanceOptions {
  /** Least share of the draws that each child of the root gets; 0: as many as it has objects. */
  readonly share: number
  /** Children of the root that stand for persistent sources, by comma: these are seen through windows and against other references. */
  readonly persistent: string
}

/** The balance of a taxonomy's root. */
export function rootBalance({ parents, nodes }: Taxonomy, { share, persistent }: BalanceOptions): RootBalance {
  const rootOf = (node: number): number => {
    let at = node
    while (at >= 0 && (parents[at] as number) >= 0) at = parents[at] as number
    return at
  }
  const names = new Set(persistent.split(','))
  return { share, rootOf, isPersistent: root => root >= 0 && names.has(nodes[root]?.name ?? '') }
}

/** How an epoch went: mean losses of an object; null where nothing is held out. */
export interface EpochRecord {
  readonly epoch: number
  readonly trainingLoss: number
  readonly heldOutLoss: number | null
  readonly seconds: number
}

/** Everything that a training needs to resume. What is random follows from seed, epoch and batch. */
export interface FitState {
  /** The current epoch, from 0, and the number of its batches that are done. */
  epoch: number
  batch: number
  /** Sum of the losses of its batches. */
  lossSum: number
  finished: boolean
  readonly weights: Weights
  readonly moments: Moments
  readonly history: EpochRecord[]
  /** The weights with the lowest held-out loss, where early stopping is on. */
  best: { readonly epoch: number; readonly loss: number; readonly weights: Weights } | null
}

/** Models and weights to learn from, and functions that are called on the way. */
export interface FitHooks {
  /** Models whose answers the network is to learn beside the labels. */
  readonly teachers?: readonly Teacher[]
  /** Weights to begin with; random ones where none are given. */
  readonly start?: Weights | null
  /** State to go on from. */
  readonly resumed?: FitState | null
  /** After each batch. */
  readonly onBatch?: (loss: number) => void
  readonly onEpoch?: (record: EpochRecord) => void | Promise<void>
  /** After each epoch, at the end, and when the training is interrupted. */
  readonly save?: (state: FitState) => Promise<void>
  readonly signal?: AbortSignal
}

/**
 * Trains the network; resolves with its last state, `finished` false where the signal interrupted it. The same arguments give
 * the same weights on the same runtime, however often it was interrupted and resumed. Throws INTERNAL where the loss
 * is no longer a number.
 */
export async function fit(
  runtime: Runtime,
  taxonomy: Taxonomy,
  training: readonly KnownObject[],
  heldOut: readonly KnownObject[],
  options: FitOptions,
  hooks: FitHooks = {}
): Promise<FitState> {
  const state = hooks.resumed ?? initialState(taxonomy, options, hooks.start ?? null)
  const network = new TrainableNetwork(runtime, state.weights)
  const lossOf = lossFor(taxonomy, training, options.whxe)
  const { teachers = [] } = hooks
  const trainedLoss =
    teachers.length === 0 || options.distillation === 0
      ? lossOf
      : distilledLoss(taxonomy, lossOf, new Ensemble(runtime, taxonomy, teachers), options.distillation)
  const validation = plainBatches(heldOut, options.batch, options.augmentation.cap, inputsOf(options.inputs))
  while (!state.finished && state.epoch < options.epochs) {
    const begun = performance.now()
    const batches = await runEpoch(network, taxonomy, training, trainedLoss, state, options, hooks)
    if (batches === null) {
      await hooks.save?.(state)
      return state
    }
    const trainingLoss = state.lossSum / batches
    const heldOutLoss = validation.length === 0 ? null : meanLoss(network, state.weights, validation, lossOf)
    const seconds = (performance.now() - begun) / 1000
    const record: EpochRecord = { epoch: state.epoch, trainingLoss, heldOutLoss, seconds }
    state.history.push(record)
    recordBest(state, record, options.patience)
    Object.assign(state, { epoch: state.epoch + 1, batch: 0, lossSum: 0 })
    if (state.epoch === options.epochs) state.finished = true
    await hooks.save?.(state)
    await hooks.onEpoch?.(record)
  }
  return state
}

/** The weights that a finished training stands for. */
export function finalWeights(state: FitState): Weights {
  return state.best?.weights ?? state.weights
}

/** Throws USAGE where the version is unknown. */
export function inputsOf(version: string): InputSet {
  const set = inputSetOf(version)
  if (set === undefined) throw new HieraxError('USAGE', `inputs ${version} are unknown`)
  return set
}

function initialState(taxonomy: Taxonomy, { widths, seed, inputs }: FitOptions, start: Weights | null): FitState {
  const made = initialWeights(widths, taxonomy.nodes.length, seed, inputsOf(inputs).count)
  for (const [name, { shape }] of Object.entries(start ?? {})) {
    const wanted = made[name]?.shape.join() ?? 'none'
    if (shape.join() === wanted) continue
    throw new HieraxError('USAGE', `--start: ${name} has the shape ${shape.join()}, this training wants ${wanted}`)
  }
  const weights = copied(start ?? made)
  const moments = noMoments(weights)
  return { epoch: 0, batch: 0, lossSum: 0, finished: false, weights, moments, history: [], best: null }
}

/** The rest of the current epoch; its number of batches, or null where it was interrupted. */
async function runEpoch(
  network: TrainableNetwork,
  taxonomy: Taxonomy,
  training: readonly KnownObject[],
  lossOf: (batch: Batch) => BatchLoss,
  state: FitState,
  options: FitOptions,
  { onBatch, signal }: FitHooks
): Promise<number | null> {
  const balance = rootBalance(taxonomy, options.balance)
  const batches = epochBatches(training, state.epoch, { ...options, balance, inputs: inputsOf(options.inputs) })
  const total = batches.length * options.epochs
  for (; state.batch < batches.length; state.batch++) {
    await setImmediate()
    if (signal?.aborted === true) return null
    const batch = (batches[state.batch] as () => Batch)()
    const seed = random(options.seed, state.epoch, state.batch, 303).integer(0, 2 ** 31)
    const dropout = dropoutFactors(network.sizes, batch.rows * batch.steps, options.dropout, seed)
    const { loss, gradients } = network.gradients(state.weights, batch, dropout, lossOf(batch))
    if (!Number.isFinite(loss)) {
      throw new HieraxError(
        'INTERNAL',
        `the loss is ${loss} in epoch ${state.epoch + 1}: try a lower schedule.learningRate in the recipe`
      )
    }
    const rate = oneCycle(state.epoch * batches.length + state.batch, total)
    adamStep(state.weights, state.moments, gradients, options.optimiser, rate)
    state.lossSum += loss
    onBatch?.(loss)
  }
  return batches.length
}

/** Keeps the best weights and ends the training where patience has run out. */
function recordBest(state: FitState, { epoch, heldOutLoss }: EpochRecord, patience: number): void {
  if (patience === 0 || heldOutLoss === null) return
  if (state.best === null || heldOutLoss < state.best.loss) {
    state.best = { epoch, loss: heldOutLoss, weights: copied(state.weights) }
  } else if (epoch - state.best.epoch >= patience) state.finished = true
}

function copied(weights: Weights): Weights {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, values }]) => [name, { shape, values: values.slice() }])
  )
}

/** The loss of batches: WHXE after every step, weighted. W comes from the training objects. */
function lossFor(
  taxonomy: Taxonomy,
  training: readonly KnownObject[],
  options: WhxeOptions
): (batch: Batch) => BatchLoss {
  const labels = training.map(object => object.node)
  const whxe = new Whxe(taxonomy, nodeWeights(taxonomy, labels, options.labelsCount), options)
  const outputs = taxonomy.nodes.length
  return ({ rows, weights, targets }) =>
    (logits, gradient) => {
      let total = 0
      for (let at = 0; at < weights.length; at++) {
        const weight = weights[at] as number
        if (weight > 0)
          total += weight * whxe.loss(logits, at * outputs, targets[at % rows] as number, gradient, weight)
      }
      return total
    }
}

/** Mean loss of objects as they are. */
function meanLoss(
  network: TrainableNetwork,
  weights: Weights,
  batches: readonly Batch[],
  lossOf: (batch: Batch) => BatchLoss
): number {
  let total = 0
  let objects = 0
  for (const batch of batches) {
    const logits = network.logits(weights, batch)
    total += batch.rows * lossOf(batch)(logits, new Float32Array(logits.length))
    objects += batch.rows
  }
  return total / objects
}
