import { blockColumns, columnsPadded, createKernel, type Kernel } from './kernel.ts'
import { type Advance, type NetworkSizes, networkSizes, type Weights } from './network.ts'

const numberBytes = 4
const pageBytes = 65_536

const padded = (width: number): number => Math.ceil(width / columnsPadded) * columnsPadded

/** Where the weights of a layer lie, bytes; `columns` is the padded width of its output. */
interface Layer {
  readonly inputs: number
  readonly columns: number
  readonly kernel: number
  readonly bias: number
}

/**
 * The network of {@link Network} on a WebAssembly kernel of its own (`kernel.ts`): several times as fast as TensorFlow.js, most of all for
 * few rows. The result of a row is bit-identical in any batch, and differs from that of TensorFlow.js by rounding only. What its methods return is
 * valid until the next call.
 */
export class KernelNetwork {
  readonly sizes: NetworkSizes
  readonly #kernel: Kernel
  readonly #embedding: Layer
  readonly #fromInputs: Layer
  readonly #fromHidden: Layer
  readonly #dense: Layer
  readonly #output: Layer
  /** End of the weights in the memory, in numbers; scratch space follows. */
  #end = 0
  #numbers: Float32Array

  /** Takes weights as they are named in the model folder. Throws MODEL_INVALID where their shapes don't fit. */
  constructor(weights: Weights) {
    this.sizes = networkSizes(weights)
    this.#kernel = createKernel()
    this.#numbers = new Float32Array(this.#kernel.memory.buffer)
    const { inputs, embedding, hidden, features, dense, outputs } = this.sizes
    const values = (name: string): Float32Array => weights[name]!.values
    const layer = (rows: number, name: [kernel: string, bias: string], widths: readonly number[]) =>
      this.#place(rows, values(name[0]), values(name[1]), widths)
    const gates = [hidden, hidden, hidden]
    this.#embedding = layer(inputs, ['embedding/kernel', 'embedding/bias'], [embedding])
    this.#fromInputs = layer(embedding, ['gru/kernel', 'gru/bias'], gates)
    this.#fromHidden = layer(hidden, ['gru/recurrent_kernel', 'gru/recurrent_bias'], gates)
    this.#dense = layer(features, ['hidden/kernel', 'hidden/bias'], [dense])
    this.#output = layer(dense, ['output/kernel', 'output/bias'], [outputs])
  }

  /** See {@link Network.advance}. */
  advance(rows: number, steps: number, inputs: Float32Array, hidden: Float32Array): Advance {
    const { embedding, hidden: width } = this.sizes
    const columns = padded(width)
    const all = rows * steps
    const [x, embedded, fromInputs, fromHidden, states] = this.#scratch(
      all * this.sizes.inputs,
      all * this.#embedding.columns,
      all * this.#fromInputs.columns,
      rows * this.#fromHidden.columns,
      (steps + 1) * rows * columns
    ) as [number, number, number, number, number]
    this.#numbers.set(inputs.subarray(0, all * this.sizes.inputs), x)
    for (let row = 0; row < rows; row++) {
      const from = states + row * columns
      this.#numbers.set(hidden.subarray(row * width, (row + 1) * width), from)
      this.#numbers.fill(0, from + width, from + columns)
    }
    this.#multiply(this.#embedding, x, this.sizes.inputs, all, embedded, 0)
    this.#multiply(this.#fromInputs, embedded, this.#embedding.columns, all, fromInputs)
    const after: Float32Array[] = []
    for (let step = 0; step < steps; step++) {
      const before = states + step * rows * columns
      const next = before + rows * columns
      this.#multiply(this.#fromHidden, before, columns, rows, fromHidden)
      this.#kernel.cell(
        numberBytes * (fromInputs + step * rows * this.#fromInputs.columns),
        numberBytes * fromHidden,
        numberBytes * before,
        numberBytes * next,
        rows,
        numberBytes * columns
      )
      after.push(this.#unpadded(next, rows, width))
    }
    const last = embedded + (steps - 1) * rows * this.#embedding.columns
    return { hidden: after, embedding: this.#unpadded(last, rows, embedding) }
  }

  /** See {@link Network.head}. */
  head(rows: number, features: Float32Array): Float32Array {
    const { features: width, outputs } = this.sizes
    const [x, dense, output] = this.#scratch(rows * width, rows * this.#dense.columns, rows * this.#output.columns) as [
      number,
      number,
      number
    ]
    this.#numbers.set(features.subarray(0, rows * width), x)
    this.#multiply(this.#dense, x, width, rows, dense, 0)
    this.#multiply(this.#output, dense, this.#dense.columns, rows, output)
    return this.#unpadded(output, rows, outputs)
  }

  /** Nothing is held but memory. */
  dispose(): void {}

  #multiply(
    layer: Layer,
    x: number,
    stride: number,
    rows: number,
    out: number,
    floor = Number.NEGATIVE_INFINITY
  ): void {
    const { inputs, columns, kernel, bias } = layer
    this.#kernel.dense(
      numberBytes * x,
      numberBytes * stride,
      rows,
      inputs,
      numberBytes * kernel,
      numberBytes * bias,
      numberBytes * out,
      numberBytes * columns,
      floor
    )
  }

  /** Rows [rows, width] without their padding. */
  #unpadded(from: number, rows: number, width: number): Float32Array {
    const columns = padded(width)
    if (columns === width) return this.#numbers.subarray(from, from + rows * width)
    const packed = new Float32Array(rows * width)
    for (let row = 0; row < rows; row++)
      packed.set(this.#numbers.subarray(from + row * columns, from + row * columns + width), row * width)
    return packed
  }

  /** Places weights [rows, sum of widths] in the memory: every part padded, in blocks of 8 columns. */
  #place(rows: number, kernel: Float32Array, bias: Float32Array, widths: readonly number[]): Layer {
    const columns = widths.reduce((sum, width) => sum + padded(width), 0)
    const total = widths.reduce((sum, width) => sum + width, 0)
    const layer = { inputs: rows, columns, kernel: this.#end, bias: this.#end + rows * columns }
    this.#end += (rows + 1) * columns
    this.#grow(this.#end)
    let from = 0
    let to = 0
    for (const width of widths) {
      for (let column = 0; column < width; column++) {
        const target = to + column
        const block = layer.kernel + Math.floor(target / blockColumns) * rows * blockColumns + (target % blockColumns)
        for (let row = 0; row < rows; row++)
          this.#numbers[block + row * blockColumns] = kernel[row * total + from + column] as number
        this.#numbers[layer.bias + target] = bias[from + column] as number
      }
      from += width
      to += padded(width)
    }
    return layer
  }

  /** Starts of scratch areas of these sizes, in numbers. What was in them before is lost. */
  #scratch(...sizes: readonly number[]): number[] {
    let end = this.#end
    const starts = sizes.map(size => {
      const start = end
      end += size
      return start
    })
    this.#grow(end)
    return starts
  }

  #grow(numbers: number): void {
    const missing = numbers - this.#numbers.length
    if (missing <= 0) return
    this.#kernel.memory.grow(Math.ceil((missing * numberBytes) / pageBytes))
    this.#numbers = new Float32Array(this.#kernel.memory.buffer)
  }
}
