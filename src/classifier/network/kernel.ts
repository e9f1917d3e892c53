import { type Code, call, doWhile, f32x4, get, i32, i32x4, moduleOf, set, type, v128, whileLoop } from './wasm-code.ts'

/*
 * The arithmetic of a recurrent network in WebAssembly with SIMD. Every number is the result of the same operations in the same
 * order whatever the number of rows, so it is bit-identical in any batch. Widths of layers are padded to a multiple of 32 columns.
 */

/** Columns to which widths are padded. */
export const columnsPadded = 32
/** Columns that lie together in the memory of a kernel matrix. */
export const blockColumns = 8

/** The functions of a kernel. All arguments are byte offsets into `memory` or numbers. */
export interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  /**
   * `out` [rows, columns] = max(x · w + b, floor). Rows of `x` are `stride` bytes apart and have `inputs` numbers. `w` is
   * [columns / 8, inputs, 8], `b` is [columns]; `width` is that of a row of `out` in bytes.
   */
  dense(
    x: number,
    stride: number,
    rows: number,
    inputs: number,
    w: number,
    b: number,
    out: number,
    width: number,
    floor: number
  ): void
  /**
   * One step of gated recurrent units, reset after the product (Cho et al. 2014, arXiv:1406.1078, as cuDNN has it): `out` [rows, hidden] from
   * `h` [rows, hidden] and the products of the inputs and of `h` with their kernels, [rows, 3 × hidden] each: reset, update, candidate.
   * `width` is that of a row of `h` in bytes.
   */
  cell(fromInputs: number, fromHidden: number, h: number, out: number, rows: number, width: number): void
}

/** What is used of the global of this name, which is in TypeScript's library for browsers only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: object }
}

let compiled: object | undefined

/** A kernel with a memory of its own. */
export function createKernel(): Kernel {
  compiled ??= new WebAssembly.Module(moduleOf([exp, sigmoid, tanh, dense(), cell()], 1))
  return new WebAssembly.Instance(compiled).exports as Kernel
}

const { add, subtract, multiply, divide, constant } = f32x4
const one = constant(1)

/** Coefficients of e^r − 1 − r over r² for |r| ≤ ln 2 / 2, by Horner's rule (Moshier's Cephes library, expf). */
const coefficients = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 0.16666665459, 0.50000001201]

/** e^x: 2^n · e^r with n the nearest integer to x / ln 2. Arguments beyond ±87 give the value at ±87. */
const exp = (() => {
  const [x, n] = [0, 1]
  const polynomial = coefficients
    .slice(1)
    .reduce((sum, next) => add(multiply(sum, get(x)), constant(next)), constant(coefficients[0] as number))
  return {
    ...{ parameters: [type.v128], results: [type.v128], locals: [type.v128] },
    body: [
      ...set(x, f32x4.minimum(f32x4.maximum(get(x), constant(-87)), constant(87))),
      ...set(n, f32x4.nearest(multiply(get(x), constant(Math.LOG2E)))),
      // ln 2 in two parts, the first of which has so few digits that its product is exact.
      ...set(x, subtract(get(x), multiply(get(n), constant(0.693359375)))),
      ...set(x, subtract(get(x), multiply(get(n), constant(-2.1219444e-4)))),
      ...multiply(
        add(add(multiply(multiply(get(x), get(x)), polynomial), get(x)), one),
        i32x4.shiftLeft(i32x4.add(i32x4.truncate(get(n)), i32x4.constant(127)), 23)
      )
    ]
  }
})()
const expOf = (value: Code): Code => call(0, value)

/** 1 / (1 + e^−x). */
const sigmoid = {
  ...{ parameters: [type.v128], results: [type.v128], locals: [] },
  body: divide(one, add(one, expOf(f32x4.negate(get(0)))))
}
const sigmoidOf = (value: Code): Code => call(1, value)

/** (1 − e^−2|x|) / (1 + e^−2|x|), with the sign of x. */
const tanh = (() => {
  const [x, t] = [0, 1]
  const signBit = i32x4.constant(-0x80000000)
  return {
    ...{ parameters: [type.v128], results: [type.v128], locals: [type.v128] },
    body: [
      ...set(t, expOf(multiply(f32x4.absolute(get(x)), constant(-2)))),
      ...v128.or(divide(subtract(one, get(t)), add(one, get(t))), v128.and(get(x), signBit))
    ]
  }
})()
const tanhOf = (value: Code): Code => call(2, value)

const bytesOf = (numbers: number): number => 4 * numbers
const vectorBytes = 16
const blockBytes = bytesOf(blockColumns)

/** Adds to a local. */
const advance = (local: number, by: Code): Code => set(local, i32.add(get(local), by))

function dense() {
  const [x, stride, rows, inputs, w, b, out, width, floor] = [0, 1, 2, 3, 4, 5, 6, 7, 8]
  const [column, end, target] = [9, 10, 11]
  /** Places in four rows of `x`, or in four blocks of `w`. */
  const places = [12, 13, 14, 15]
  const first = places[0] as number
  const place = 16
  const sums = [17, 18, 19, 20, 21, 22, 23, 24]
  const [left, right, splat] = [25, 26, 27]
  const sum = (at: number): number => sums[at] as number
  const addProduct = (at: number, value: number, weight: Code): Code =>
    set(sum(at), add(get(sum(at)), multiply(get(value), weight)))
  const storeSum = (at: number, offset: number): Code =>
    v128.store(get(target), f32x4.maximum(get(sum(at)), f32x4.splat(get(floor))), offset)
  const fromBias = (at: number, offset: number): Code => set(sum(at), v128.load(i32.add(get(b), get(column)), offset))
  /** Sets places to `from` and further ones at equal distances. */
  const spread = (from: Code, distance: Code): Code =>
    places.flatMap((each, at) => set(each, at === 0 ? from : i32.add(get(places[at - 1] as number), distance)))

  /** Four rows by a block of 8 columns at a time: each weight is read once for four rows. */
  const fourRows = whileLoop(
    i32.atLeast(get(rows), i32.constant(4)),
    set(column, i32.constant(0)),
    set(place, get(w)),
    doWhile(
      i32.less(get(column), get(width)),
      ...sums.map((_, at) => fromBias(at, (at % 2) * vectorBytes)),
      spread(get(x), get(stride)),
      set(end, i32.add(get(x), i32.multiply(get(inputs), i32.constant(4)))),
      doWhile(
        i32.less(get(first), get(end)),
        set(left, v128.load(get(place))),
        set(right, v128.load(get(place), vectorBytes)),
        ...places.map((each, row) => [
          ...set(splat, v128.loadSplat(get(each))),
          ...addProduct(2 * row, splat, get(left)),
          ...addProduct(2 * row + 1, splat, get(right)),
          ...advance(each, i32.constant(4))
        ]),
        advance(place, i32.constant(blockBytes))
      ),
      set(target, i32.add(get(out), get(column))),
      ...places.map((_, row) => [
        ...storeSum(2 * row, 0),
        ...storeSum(2 * row + 1, vectorBytes),
        ...advance(target, get(width))
      ]),
      advance(column, i32.constant(blockBytes))
    ),
    advance(x, i32.multiply(get(stride), i32.constant(4))),
    advance(out, i32.multiply(get(width), i32.constant(4))),
    advance(rows, i32.constant(-4))
  )

  /** One row by four blocks at a time: eight sums that do not wait for one another. */
  const oneRow = whileLoop(
    get(rows),
    set(column, i32.constant(0)),
    set(first, get(w)),
    doWhile(
      i32.less(get(column), get(width)),
      ...sums.map((_, at) => fromBias(at, at * vectorBytes)),
      spread(get(first), i32.multiply(get(inputs), i32.constant(blockBytes))),
      set(place, get(x)),
      set(end, i32.add(get(x), i32.multiply(get(inputs), i32.constant(4)))),
      doWhile(
        i32.less(get(place), get(end)),
        set(splat, v128.loadSplat(get(place))),
        ...places.map((each, block) => [
          ...addProduct(2 * block, splat, v128.load(get(each))),
          ...addProduct(2 * block + 1, splat, v128.load(get(each), vectorBytes)),
          ...advance(each, i32.constant(blockBytes))
        ]),
        advance(place, i32.constant(4))
      ),
      set(target, i32.add(get(out), get(column))),
      ...sums.map((_, at) => storeSum(at, at * vectorBytes)),
      // The last place is now where the next block begins.
      set(first, get(places[3] as number)),
      advance(column, i32.constant(4 * blockBytes))
    ),
    advance(x, get(stride)),
    advance(out, get(width)),
    advance(rows, i32.constant(-1))
  )
  const { i32: integer, f32, v128: vector } = type
  return {
    name: 'dense',
    parameters: [integer, integer, integer, integer, integer, integer, integer, integer, f32],
    results: [],
    locals: [...Array<typeof integer>(8).fill(integer), ...Array<typeof vector>(11).fill(vector)],
    body: [...fourRows, ...oneRow]
  }
}

function cell() {
  const [fromInputs, fromHidden, h, out, rows, width] = [0, 1, 2, 3, 4, 5]
  const [column, reset, update, candidate] = [6, 7, 8, 9]
  /** Numbers of a part of both products: 0 reset, 1 update, 2 candidate. */
  const part = (base: number, which: number): Code =>
    v128.load(i32.add(i32.add(get(base), get(column)), i32.multiply(get(width), i32.constant(which))))
  const gate = (which: number): Code => sigmoidOf(add(part(fromInputs, which), part(fromHidden, which)))
  const body = whileLoop(
    get(rows),
    set(column, i32.constant(0)),
    doWhile(
      i32.less(get(column), get(width)),
      set(reset, gate(0)),
      set(update, gate(1)),
      set(candidate, tanhOf(add(part(fromInputs, 2), multiply(get(reset), part(fromHidden, 2))))),
      v128.store(
        i32.add(get(out), get(column)),
        add(get(candidate), multiply(get(update), subtract(part(h, 0), get(candidate))))
      ),
      advance(column, i32.constant(vectorBytes))
    ),
    ...[fromInputs, fromHidden].map(each => advance(each, i32.multiply(get(width), i32.constant(3)))),
    ...[h, out].map(each => advance(each, get(width))),
    advance(rows, i32.constant(-1))
  )
  const { i32: integer, v128: vector } = type
  return {
    name: 'cell',
    parameters: [integer, integer, integer, integer, integer, integer],
    results: [],
    locals: [integer, vector, vector, vector],
    body
  }
}
