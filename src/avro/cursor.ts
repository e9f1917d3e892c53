import { type ErrorCode, HieraxError } from '../errors.ts'

/** Error codes of a cursor: for bytes that end too early, and for malformed bytes. */
export interface CursorCodes {
  readonly overrun: ErrorCode
  readonly corrupt: ErrorCode
}

const zigzag = new DataView(new ArrayBuffer(8))

/**
 * Reads Avro's binary encoding at a position that moves forward. Every read is checked against `end` first, so a bogus length causes
 * neither an over-read nor a large allocation.
 */
export class Cursor {
  readonly bytes: Buffer
  position: number
  end: number
  codes: CursorCodes
  /** Current nesting of values of recursive types. */
  depth = 0
  readonly view: DataView

  constructor(bytes: Buffer, codes: CursorCodes) {
    this.bytes = bytes
    this.position = 0
    this.end = bytes.length
    this.codes = codes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Moves forward by a number of bytes. */
  skip(length: number): void {
    const next = this.position + length
    if (next > this.end) throw this.overrun(length)
    this.position = next
  }

  /** Moves past a variable-length integer. */
  skipLong(): void {
    const { bytes, end } = this
    let position = this.position
    const last = position + 10
    while (position < end) {
      if (bytes[position++]! < 0x80) {
        this.position = position
        return
      }
      if (position === last) throw this.corrupt('an integer takes more than ten bytes')
    }
    throw this.overrun(1)
  }

  /** An int or long as a number; inexact beyond 2^53. */
  long(): number {
    const first = this.position < this.end ? this.bytes[this.position]! : 0x80
    if (first < 0x80) {
      this.position++
      return (first >>> 1) ^ -(first & 1)
    }
    return Number(this.bigLong())
  }

  /** An int or long, exactly. */
  bigLong(): bigint {
    const start = this.position
    this.skipLong()
    const { bytes, position } = this
    let low = 0
    let high = 0
    for (let i = start, shift = 0; i < position; i++, shift += 7) {
      const bits = bytes[i]! & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else if (shift < 63) high |= bits << (shift - 32)
      else if (bits <= 1) high |= bits << 31
      else throw this.corrupt('an integer does not fit 64 bits')
    }
    // Zigzag in two halves: n >>> 1, inverted where the lowest bit is set.
    const sign = -(low & 1)
    zigzag.setInt32(0, ((low >>> 1) | (high << 31)) ^ sign, true)
    zigzag.setInt32(4, (high >>> 1) ^ sign, true)
    return zigzag.getBigInt64(0, true)
  }

  /** 1 for true, 0 for false. */
  boolean(): number {
    const start = this.position
    this.skip(1)
    return this.bytes[start]!
  }

  float(): number {
    const start = this.position
    this.skip(4)
    return this.view.getFloat32(start, true)
  }

  double(): number {
    const start = this.position
    this.skip(8)
    return this.view.getFloat64(start, true)
  }

  /** Reads a length. It is not negative and not greater than the remaining bytes. */
  length(): number {
    const length = this.long()
    if (length < 0) throw this.corrupt(`a length is negative (${length})`)
    if (length > this.remaining) throw this.overrun(length)
    return length
  }

  /** Reads the index of a union's branch. */
  branch(branches: number): number {
    const index = this.long()
    if (index < 0 || index >= branches) throw this.corrupt(`a union of ${branches} types has no type ${index}`)
    return index
  }

  /** Reads a string; a longer one as empty. */
  text(maxBytes: number): string {
    const length = this.length()
    const start = this.position
    this.position += length
    return length > maxBytes ? '' : this.bytes.toString('utf8', start, this.position)
  }

  /** Reads a string. Invalid UTF-8 becomes U+FFFD. `path` names the field in the error for a string that is too long. */
  string(maxBytes: number, path: string): string {
    const length = this.length()
    if (length > maxBytes) {
      throw new HieraxError('RECORD_TOO_LARGE', `${path} takes ${length} bytes, more than ${maxBytes}`)
    }
    const start = this.position
    this.position += length
    // For `isdiffpos`, which every history point has, this is faster than a native call.
    if (length === 1 && this.bytes[start]! < 0x80) return String.fromCharCode(this.bytes[start]!)
    return this.bytes.toString('utf8', start, this.position)
  }

  overrun(wanted: number): HieraxError {
    const message = `the bytes end too early: ${wanted} wanted at ${this.position}, ${this.remaining} left`
    return new HieraxError(this.codes.overrun, message)
  }

  corrupt(what: string): HieraxError {
    return new HieraxError(this.codes.corrupt, `${what}, before byte ${this.position}`)
  }
}
