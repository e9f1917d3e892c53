/*
 * WebAssembly written as expressions: each function returns the bytes of an instruction with its operands before it. Encodings are those of
 * the WebAssembly specification, version 2.0 (https://webassembly.github.io/spec/core/binary/). Only what `kernel.ts` needs is here.
 */

/** Bytes of instructions. */
export type Code = readonly number[]

/** Types of values, as the binary format encodes them. */
export const type = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const
type ValueType = (typeof type)[keyof typeof type]

/** A function of a module. */
export interface WasmFunction {
  /** Its export; absent if it is only called within the module. */
  readonly name?: string
  readonly parameters: readonly ValueType[]
  readonly results: readonly ValueType[]
  /** Local variables. Their indices follow those of the parameters. */
  readonly locals: readonly ValueType[]
  readonly body: Code
}

export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)]
export const call = (index: number, ...operands: readonly Code[]): Code => [
  ...operands.flat(),
  0x10,
  ...unsigned(index)
]

/** Repeats `body` as long as `condition` holds at the start. */
export const whileLoop = (condition: Code, ...body: readonly Code[]): Code =>
  // A loop in a block: branch 1 leaves the block, branch 0 returns to the start of the loop.
  [0x02, 0x40, 0x03, 0x40, ...condition, 0x45, 0x0d, 1, ...body.flat(), 0x0c, 0, 0x0b, 0x0b]

/** Repeats `body` as long as `condition` holds at its end. */
export const doWhile = (condition: Code, ...body: readonly Code[]): Code => [
  ...[0x03, 0x40, ...body.flat(), ...condition],
  ...[0x0d, 0, 0x0b]
]

const binary =
  (...opcode: readonly number[]) =>
  (a: Code, b: Code): Code => [...a, ...b, ...opcode]

export const i32 = {
  constant: (value: number): Code => [0x41, ...signed(value)],
  add: binary(0x6a),
  multiply: binary(0x6c),
  /** Comparisons without sign. */
  less: binary(0x49),
  atLeast: binary(0x4f)
}

const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)]
const unary =
  (...opcode: readonly number[]) =>
  (a: Code): Code => [...a, ...opcode]

/** Memory is read and written in units of 4 bytes. */
const memory = (opcode: number, offset: number): number[] => [...simd(opcode), 2, ...unsigned(offset)]

export const v128 = {
  load: (at: Code, offset = 0): Code => [...at, ...memory(0x00, offset)],
  /** One f32 of the memory, four times. */
  loadSplat: (at: Code): Code => [...at, ...memory(0x09, 0)],
  store: (at: Code, value: Code, offset = 0): Code => [...at, ...value, ...memory(0x0b, offset)],
  and: binary(...simd(0x4e)),
  or: binary(...simd(0x50))
}

export const f32x4 = {
  constant: (value: number): Code => splatted(new Float32Array(4).fill(value)),
  splat: unary(...simd(0x13)),
  nearest: unary(...simd(0x6a)),
  absolute: unary(...simd(0xe0)),
  negate: unary(...simd(0xe1)),
  add: binary(...simd(0xe4)),
  subtract: binary(...simd(0xe5)),
  multiply: binary(...simd(0xe6)),
  divide: binary(...simd(0xe7)),
  minimum: binary(...simd(0xe8)),
  maximum: binary(...simd(0xe9))
}

export const i32x4 = {
  constant: (value: number): Code => splatted(new Int32Array(4).fill(value)),
  add: binary(...simd(0xae)),
  shiftLeft: (value: Code, bits: number): Code => [...value, ...i32.constant(bits), ...simd(0xab)],
  /** Integers of f32x4, towards zero; saturated. */
  truncate: unary(...simd(0xf8))
}

/** A module with its own memory of `pages` × 64 KiB, exported as `memory`, that can grow. */
export function moduleOf(functions: readonly WasmFunction[], pages: number): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters, results }) => [0x60, ...vector(parameters), ...vector(results)])
  const exported = functions.flatMap(({ name }, index) =>
    name === undefined ? [] : [[...text(name), 0x00, ...unsigned(index)]]
  )
  const bodies = functions.map(({ locals, body }) => {
    const bytes = [...list(locals.map(each => [1, each])), ...body, 0x0b]
    return [...unsigned(bytes.length), ...bytes]
  })
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(3, list(functions.map((_, index) => unsigned(index)))),
    ...section(5, list([[0x00, ...unsigned(pages)]])),
    ...section(7, list([[...text('memory'), 0x02, 0], ...exported])),
    ...section(10, list(bodies))
  ])
}

const section = (id: number, content: Code): number[] => [id, ...unsigned(content.length), ...content]
const list = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()]
const vector = (bytes: Code): number[] => [...unsigned(bytes.length), ...bytes]
const text = (name: string): number[] => vector([...Buffer.from(name)])
const splatted = ({ buffer }: Float32Array | Int32Array): Code => [...simd(0x0c), ...new Uint8Array(buffer)]

/** LEB128 of an unsigned integer. */
function unsigned(value: number): number[] {
  const bytes: number[] = []
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
  return [...bytes, value]
}

/** LEB128 of a signed integer. */
function signed(value: number): number[] {
  const bytes: number[] = []
  for (; value < -0x40 || value > 0x3f; value >>= 7) bytes.push((value & 0x7f) | 0x80)
  return [...bytes, value & 0x7f]
}
