import { createHash } from 'node:crypto'
import type { InputSet } from 'hierax/classifier/inputs/input-sets.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { readModelFolder } from 'hierax/classifier/model-folder.ts'
import type { Weight, Weights } from 'hierax/classifier/network/network.ts'
import type { Runtime } from 'hierax/classifier/network/runtime.ts'
import { logSumExp, nodeProbabilities } from 'hierax/classifier/probabilities/probabilities.ts'
import { HieraxError } from 'hierax/errors.ts'
import type { Batch } from './batches.ts'
import { type BatchLoss, stepLoss, TrainableNetwork } from './trainable.ts'

/** A model that another is to learn from. */
export interface Teacher {
  /** SHA-256 of the weights only: the card does not affect distillation. */
  readonly sha256: string
  readonly weights: Weights
}

/**
 * Reads model folders as teachers of a model that sees `inputs`. A teacher may see the first of these numbers only. Throws
 * MODEL_INVALID, and USAGE, with the `option` that names them, where one has another tree or sees something else.
 */
export async function readTeachers(
  folders: readonly string[],
  taxonomy: Taxonomy,
  inputs: InputSet,
  option: '--teachers' | '--start' = '--teachers'
): Promise<Teacher[]> {
  const names = ({ nodes }: Taxonomy): string => JSON.stringify(nodes.map(({ name, parent }) => [name, parent]))
  return Promise.all(
    folders.map(async folder => {
      const model = await readModelFolder(folder)
      const inOrder = model.units.every((unit, node) => unit === node)
      if (names(model.taxonomy) !== names(taxonomy) || !inOrder) {
        throw new HieraxError(
          'USAGE',
          `${option} ${folder} has another tree than --taxonomy (${model.taxonomy.name} ${model.taxonomy.version}), or another order of nodes`
        )
      }
      if (model.inputs.names.some((name, at) => name !== inputs.names[at])) {
        const seen = `${folder} sees the inputs ${model.inputs.version}`
        throw new HieraxError('USAGE', `${option} ${seen}, which are not the first of ${inputs.version}`)
      }
      return { sha256: digestOf(model.weights), weights: model.weights }
    })
  )
}

function digestOf(weights: Weights): string {
  const hash = createHash('sha256')
  for (const name of Object.keys(weights).sort()) {
    const { shape, values } = weights[name] as Weight
    hash.update(`${name} ${shape.join()}\n`).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }
  return hash.digest('hex')
}

/** The joint prediction of several models, step by step: the mean of their marginal probabilities. */
export class Ensemble {
  readonly #taxonomy: Taxonomy
  readonly #members: readonly { readonly network: TrainableNetwork; readonly weights: Weights }[]

  constructor(runtime: Runtime, taxonomy: Taxonomy, teachers: readonly Teacher[]) {
    this.#taxonomy = taxonomy
    this.#members = teachers.map(({ weights }) => ({ network: new TrainableNetwork(runtime, weights), weights }))
  }

  /** Conditional probabilities [steps × rows, nodes]; zeros in the padding. */
  conditionals(batch: Batch): Float32Array {
    const { parents, nodes } = this.#taxonomy
    const size = nodes.length
    const sums = new Float64Array(batch.weights.length * size)
    for (const { network, weights } of this.#members) {
      const logits = network.logits(weights, narrowed(batch, network.sizes.inputs))
      for (let at = 0; at < batch.weights.length; at++) {
        if (batch.weights[at] === 0) continue
        const { probability } = nodeProbabilities(this.#taxonomy, logits.subarray(at * size, (at + 1) * size))
        for (let node = 0; node < size; node++) sums[at * size + node]! += probability[node] as number
      }
    }
    return Float32Array.from(sums, (sum, index) => {
      const parent = parents[index % size] as number
      const above = parent < 0 ? this.#members.length : (sums[index - (index % size) + parent] as number)
      return above > 0 ? sum / above : 0
    })
  }
}

/** A batch with only the first numbers of each detection. */
function narrowed(batch: Batch, inputs: number): Batch {
  const cells = batch.rows * batch.steps
  const width = batch.inputs.length / cells
  if (width === inputs) return batch
  const first = new Float32Array(cells * inputs)
  for (let cell = 0; cell < cells; cell++) {
    first.set(batch.inputs.subarray(cell * width, cell * width + inputs), cell * inputs)
  }
  return { ...batch, inputs: first }
}

/** A loss of batches of which a share is the distance from the ensemble's predictions for the same steps. */
export function distilledLoss(
  taxonomy: Taxonomy,
  lossOf: (batch: Batch) => BatchLoss,
  ensemble: Ensemble,
  share: number
): (batch: Batch) => BatchLoss {
  const size = taxonomy.nodes.length
  return batch => {
    const labelled = lossOf(batch)
    const taught = ensemble.conditionals(batch)
    const fromTeachers = stepLoss(
      batch,
      (logits, at, gradient, weight) =>
        teacherLoss(taxonomy, logits, taught.subarray(at * size, (at + 1) * size), gradient, weight),
      share
    )
    return (logits, gradient) => {
      const ofLabels = (1 - share) * labelled(logits, gradient)
      for (let index = 0; index < gradient.length; index++) gradient[index]! *= 1 - share
      return fromTeachers(logits, gradient, ofLabels)
    }
  }
}

/**
 * How far the conditionals of a row of logits are from those of a teacher: Σ over groups of siblings of the teacher's P(parent)
 * times the Kullback–Leibler divergence. `scale` times its derivative is added to `gradient`. All three arrays hold one number
 * a node, in the taxonomy's order.
 */
export function teacherLoss(
  taxonomy: Taxonomy,
  logits: ArrayLike<number>,
  conditional: ArrayLike<number>,
  gradient: Float32Array,
  scale: number
): number {
  let total = 0
  for (const siblings of taxonomy.siblings) {
    if (siblings.length === 1) continue
    let weight = 1
    let above = taxonomy.parents[siblings[0] as number] as number
    for (; above >= 0; above = taxonomy.parents[above] as number) weight *= conditional[above] as number
    const logSum = logSumExp(logits, siblings)
    for (const node of siblings) {
      const target = conditional[node] as number
      const logarithm = (logits[node] as number) - logSum
      if (target > 0) total += weight * target * (Math.log(target) - logarithm)
      gradient[node] = (gradient[node] as number) + scale * weight * (Math.exp(logarithm) - target)
    }
  }
  return total
}
