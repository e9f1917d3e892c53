import { setImmediate } from 'node:timers/promises'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import type { Weights } from 'hierax/classifier/network/network.ts'
import type { Runtime } from 'hierax/classifier/network/runtime.ts'
import { HieraxError } from 'hierax/errors.ts'
import type { KnownObject } from '../data/labelled.ts'
import { random } from '../random.ts'
import type { Recipe } from '../recipe.ts'
import { type Batch, epochBatches, inputsOf, plainBatches } from './batches.ts'
import { distilledLoss, Ensemble, type Teacher } from './distillation.ts'
import { dropoutFactors } from './layers.ts'
import { adamStep, type Moments, noMoments, oneCycle } from './optimiser.ts'
import { type BatchLoss, initialWeights, stepLoss, TrainableNetwork } from './trainable.ts'
import { nodeWeights, Whxe, type WhxeOptions } from './whxe.ts'

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

/** Models and weights to learn from, and functions that are called during a training. */
export interface FitHooks {
  /** Models whose predictions the network learns in addition to the labels. */
  readonly teachers?: readonly Teacher[]
  /** Weights to begin with; random ones where none are given. */
  readonly start?: Weights | null
  /** State to resume from. */
  readonly resumed?: FitState | null
  /** After each batch. */
  readonly onBatch?: (loss: number) => void
  readonly onEpoch?: (record: EpochRecord) => void | Promise<void>
  /** After each epoch, at the end, and when the training is interrupted. */
  readonly save?: (state: FitState) => Promise<void>
  readonly signal?: AbortSignal
}

/**
 * Trains the network by a recipe; resolves with its last state, `finished` false where the signal interrupted it. The same
 * arguments give the same weights on the same runtime, however often it was interrupted and resumed. Throws INTERNAL where
 * the loss is no longer a number.
 */
export async function fit(
  runtime: Runtime,
  taxonomy: Taxonomy,
  training: readonly KnownObject[],
  heldOut: readonly KnownObject[],
  recipe: Recipe,
  hooks: FitHooks = {}
): Promise<FitState> {
  const { epochs, loss, schedule } = recipe
  const { teachers = [], start = null } = hooks
  const state = hooks.resumed ?? initialState(taxonomy, recipe, start)
  const network = new TrainableNetwork(runtime, state.weights)
  const lossOf = lossFor(taxonomy, training, loss)
  const trainedLoss =
    teachers.length === 0 || loss.distillation === 0
      ? lossOf
      : distilledLoss(taxonomy, lossOf, new Ensemble(runtime, taxonomy, teachers), loss.distillation)
  const inputs = inputsOf(recipe.network.inputs)
  const validation = plainBatches(heldOut, schedule.batch, recipe.augmentation.cap, inputs)
  while (!state.finished && state.epoch < epochs) {
    const begun = performance.now()
    const batches = await runEpoch(epochBatches(training, taxonomy, state.epoch, recipe))
    if (batches === null) {
      await hooks.save?.(state)
      return state
    }
    const trainingLoss = state.lossSum / batches
    const heldOutLoss = validation.length === 0 ? null : meanLoss(network, state.weights, validation, lossOf)
    const seconds = (performance.now() - begun) / 1000
    const record: EpochRecord = { epoch: state.epoch, trainingLoss, heldOutLoss, seconds }
    state.history.push(record)
    recordBest(state, record, schedule.earlyStopping)
    Object.assign(state, { epoch: state.epoch + 1, batch: 0, lossSum: 0 })
    if (state.epoch === epochs) state.finished = true
    await hooks.save?.(state)
    await hooks.onEpoch?.(record)
  }
  return state

  /** The rest of the current epoch; its number of batches, or null where it was interrupted. */
  async function runEpoch(batches: readonly (() => Batch)[]): Promise<number | null> {
    for (; state.batch < batches.length; state.batch++) {
      await setImmediate()
      if (hooks.signal?.aborted === true) return null
      const batch = (batches[state.batch] as () => Batch)()
      const seed = random(recipe.seed, state.epoch, state.batch, 303).integer(0, 2 ** 31)
      const dropout = dropoutFactors(network.sizes, batch.rows * batch.steps, recipe.network.dropout, seed)
      const { loss, gradients } = network.gradients(state.weights, batch, dropout, trainedLoss(batch))
      if (!Number.isFinite(loss)) {
        const where = `the loss is ${loss} in epoch ${state.epoch + 1}`
        throw new HieraxError('INTERNAL', `${where}: try a lower schedule.learningRate in the recipe`)
      }
      const rate = oneCycle(state.epoch * batches.length + state.batch, batches.length * epochs)
      adamStep(state.weights, state.moments, gradients, schedule, rate)
      state.lossSum += loss
      hooks.onBatch?.(loss)
    }
    return batches.length
  }
}

/** The result of a training: the best weights with early stopping, otherwise the last ones. */
export function finalWeights(state: Pick<FitState, 'best' | 'weights'>): Weights {
  return state.best?.weights ?? state.weights
}

function initialState(taxonomy: Taxonomy, { network, seed }: Recipe, start: Weights | null): FitState {
  const made = initialWeights(network, taxonomy.nodes.length, seed, inputsOf(network.inputs).count)
  for (const [name, { shape }] of Object.entries(start ?? {})) {
    const required = made[name]?.shape.join() ?? 'none'
    if (shape.join() === required) continue
    throw new HieraxError('USAGE', `--start: ${name} has the shape ${shape.join()}, this training requires ${required}`)
  }
  const weights = copied(start ?? made)
  const moments = noMoments(weights)
  return { epoch: 0, batch: 0, lossSum: 0, finished: false, weights, moments, history: [], best: null }
}

/** Keeps the best weights, and ends the training if the loss has not fallen for this many epochs (0: never). */
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
  return batch =>
    stepLoss(batch, (logits, at, gradient, weight) =>
      whxe.loss(logits, batch.targets[at % batch.rows] as number, gradient, weight)
    )
}

/** Mean loss of objects without augmentation. */
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
