import type { ContextFile } from 'hierax/classifier/context-term.ts'
import { softClip } from 'hierax/classifier/context-term.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import { random } from './random.ts'
import type { Whxe } from './whxe.ts'

/** What a context term is fitted to, side by side, row by row. */
export interface ContextRows {
  readonly count: number
  /** Standardised. */
  readonly features: Float64Array
  /** Logits before the context term, one a node. */
  readonly offsets: Float64Array
  /** Node of each row's label. */
  readonly labels: Int32Array
  /** They sum to 1. */
  readonly weights: Float64Array
}

/** A layer's place among the numbers that are fitted: rows of weights, then biases. */
interface LayerPlace {
  readonly from: number
  readonly inputs: number
  readonly outputs: number
}

/** The loss of a context term as a function of its weights and biases. */
export class ContextProblem {
  readonly #rows: ContextRows
  readonly #whxe: Whxe
  /** Nodes of each group that gets terms. */
  readonly #groups: readonly (readonly number[])[]
  readonly #halfBound: number
  readonly #layers: readonly LayerPlace[]
  readonly #length: number
  /** What the square of every number counts; 0 for the biases of outputs at the root and of a hidden layer. */
  readonly #decays: Float64Array
  readonly #size: number

  constructor(
    rows: ContextRows,
    whxe: Whxe,
    taxonomy: Taxonomy,
    groups: readonly (readonly number[])[],
    { hidden, bound, decay }: { readonly hidden: number; readonly bound: number; readonly decay: number }
  ) {
    this.#rows = rows
    this.#whxe = whxe
    this.#groups = groups
    this.#halfBound = bound / 2
    this.#size = taxonomy.nodes.length
    const nodes = groups.flat()
    const inputs = rows.features.length / rows.count
    const layers: LayerPlace[] = []
    if (hidden > 0) layers.push({ from: 0, inputs, outputs: hidden })
    const width = hidden > 0 ? hidden : inputs
    layers.push({ from: hidden * (inputs + 1), inputs: width, outputs: nodes.length })
    this.#layers = layers
    this.#length = layers.reduce((sum, layer) => sum + layer.outputs * (layer.inputs + 1), 0)
    this.#decays = new Float64Array(this.#length).fill(decay)
    for (const layer of layers) {
      const isLast = layer === layers.at(-1)
      for (let row = 0; row < layer.outputs; row++) {
        const decays = isLast && taxonomy.parents[nodes[row] as number] !== -1
        if (!decays) this.#decays[biasAt(layer, row)] = 0
      }
    }
  }

  /** Where to begin: at 0, or where a hidden layer would never move from there, at small random numbers. */
  start(seed: number): Float64Array {
    const point = new Float64Array(this.#length)
    if (this.#layers.length === 1) return point
    const draw = random(seed, 0xc0)
    for (const layer of this.#layers) {
      const scale = 0.5 / Math.sqrt(layer.inputs)
      for (let at = layer.from; at < biasAt(layer, 0); at++) point[at] = scale * draw.normal()
    }
    return point
  }

  /** Mean loss and decay; the gradient is written to `gradient`. */
  loss(point: Float64Array, gradient: Float64Array): number {
    const { count, features, offsets, labels, weights } = this.#rows
    const first = this.#layers[0] as LayerPlace
    const last = this.#layers.at(-1) as LayerPlace
    const hidden = new Float64Array(this.#layers.length > 1 ? first.outputs : 0)
    const outputs = new Float64Array(last.outputs)
    const dOutputs = new Float64Array(last.outputs)
    const dHidden = new Float64Array(hidden.length)
    const logits = new Float64Array(this.#size)
    const dLogits = new Float64Array(this.#size)
    const row = new Float64Array(first.inputs)
    let total = 0
    for (let at = 0; at < point.length; at++) {
      const decay = this.#decays[at] as number
      total += decay * (point[at] as number) ** 2
      gradient[at] = 2 * decay * (point[at] as number)
    }
    for (let which = 0; which < count; which++) {
      row.set(features.subarray(which * row.length, (which + 1) * row.length))
      let input = row
      if (hidden.length > 0) {
        forward(first, point, row, hidden)
        for (let unit = 0; unit < hidden.length; unit++) hidden[unit] = Math.tanh(hidden[unit] as number)
        input = hidden
      }
      forward(last, point, input, outputs)
      logits.set(offsets.subarray(which * this.#size, (which + 1) * this.#size))
      this.#addTerms(outputs, logits)
      dLogits.fill(0)
      const weight = weights[which] as number
      total += weight * this.#whxe.loss(logits, 0, labels[which] as number, dLogits, weight)
      this.#backThroughTerms(outputs, dLogits, dOutputs)
      backward(last, point, input, dOutputs, gradient, dHidden)
      if (hidden.length === 0) continue
      for (let unit = 0; unit < hidden.length; unit++) {
        dHidden[unit] = (dHidden[unit] as number) * (1 - (hidden[unit] as number) ** 2)
      }
      backward(first, point, row, dHidden, gradient, null)
    }
    return total
  }

  /** Layers as a context file has them. */
  layers(point: Float64Array): ContextFile['layers'] {
    return this.#layers.map(layer => ({
      weights: Array.from({ length: layer.outputs }, (_, row) => [
        ...point.subarray(layer.from + row * layer.inputs, layer.from + (row + 1) * layer.inputs)
      ]),
      biases: [...point.subarray(biasAt(layer, 0), biasAt(layer, layer.outputs))]
    }))
  }

  #addTerms(outputs: Float64Array, logits: Float64Array): void {
    let output = 0
    for (const group of this.#groups) {
      const middle = middleOf(outputs, output, group.length)
      for (const node of group) {
        logits[node] = (logits[node] as number) + softClip((outputs[output++] as number) - middle, this.#halfBound)
      }
    }
  }

  #backThroughTerms(outputs: Float64Array, dLogits: Float64Array, dOutputs: Float64Array): void {
    let from = 0
    for (const group of this.#groups) {
      const middle = middleOf(outputs, from, group.length)
      let sum = 0
      for (const [at, node] of group.entries()) {
        const ratio = ((outputs[from + at] as number) - middle) / this.#halfBound
        const slope = (1 + ratio ** 4) ** -1.25
        const change = slope * (dLogits[node] as number)
        dOutputs[from + at] = change
        sum += change
      }
      for (let at = 0; at < group.length; at++)
        dOutputs[from + at] = (dOutputs[from + at] as number) - sum / group.length
      from += group.length
    }
  }
}

function biasAt({ from, inputs, outputs }: LayerPlace, row: number): number {
  return from + inputs * outputs + row
}

function middleOf(outputs: Float64Array, from: number, count: number): number {
  let sum = 0
  for (let at = from; at < from + count; at++) sum += outputs[at] as number
  return sum / count
}

function forward(layer: LayerPlace, point: Float64Array, input: Float64Array, values: Float64Array): void {
  for (let row = 0; row < layer.outputs; row++) {
    let sum = point[biasAt(layer, row)] as number
    const base = layer.from + row * layer.inputs
    for (let column = 0; column < layer.inputs; column++) {
      sum += (point[base + column] as number) * (input[column] as number)
    }
    values[row] = sum
  }
}

/** Adds to the gradient what a layer's numbers change; writes what its input changes, where that is asked for. */
function backward(
  layer: LayerPlace,
  point: Float64Array,
  input: Float64Array,
  dValues: Float64Array,
  gradient: Float64Array,
  dInput: Float64Array | null
): void {
  dInput?.fill(0)
  for (let row = 0; row < layer.outputs; row++) {
    const change = dValues[row] as number
    if (change === 0) continue
    const base = layer.from + row * layer.inputs
    const bias = biasAt(layer, row)
    gradient[bias] = (gradient[bias] as number) + change
    for (let column = 0; column < layer.inputs; column++) {
      gradient[base + column] = (gradient[base + column] as number) + change * (input[column] as number)
      if (dInput !== null && dInput.length > 0) {
        dInput[column] = (dInput[column] as number) + change * (point[base + column] as number)
      }
    }
  }
}
