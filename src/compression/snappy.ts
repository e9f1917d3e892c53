/**
 * Raw snappy blocks (no framing): https://github.com/google/snappy/blob/main/format_description.txt
 *
 * The JavaScript library trusts the lengths in the stream: a negative literal length puts it into an endless loop.
 */

/** The block's claimed inflated length and the start of its elements; null when the preamble is invalid. */
export function snappyPreamble(block: Uint8Array): { length: number; start: number } | null {
  let length = 0
  for (let i = 0; i < 5 && i < block.length; i++) {
    length += (block[i]! & 0x7f) * 2 ** (7 * i)
    if (block[i]! < 0x80) return length < 2 ** 32 ? { length, start: i + 1 } : null
  }
  return null
}

/** The inflated bytes; null when the block is invalid or does not inflate to its claimed length. */
export function inflateSnappy(block: Uint8Array): Buffer | null {
  const preamble = snappyPreamble(block)
  if (preamble === null) return null
  const output = Buffer.allocUnsafe(preamble.length)
  let from = preamble.start
  let to = 0
  while (from < block.length) {
    const tag = block[from]!
    const element = (tag & 3) === 0 ? literal(block, from) : copy(block, from)
    from += element.header
    if (from > block.length || to + element.length > output.length) return null
    if (element.offset === 0) {
      if (from + element.length > block.length) return null
      output.set(block.subarray(from, from + element.length), to)
      from += element.length
    } else {
      if (element.offset > to) return null
      copyWithin(output, to, element.offset, element.length)
    }
    to += element.length
  }
  return to === output.length ? output : null
}

interface Element {
  /** Bytes of tag, length and offset. */
  readonly header: number
  /** Bytes of its output. */
  readonly length: number
  /** How far back a copy starts; 0 for a literal, infinite for an invalid copy. */
  readonly offset: number
}

function literal(block: Uint8Array, at: number): Element {
  const short = block[at]! >>> 2
  if (short < 60) return { header: 1, length: short + 1, offset: 0 }
  const bytes = short - 59
  return { header: 1 + bytes, length: littleEndian(block, at + 1, bytes) + 1, offset: 0 }
}

function copy(block: Uint8Array, at: number): Element {
  const tag = block[at]!
  const kind = tag & 3
  const offset =
    kind === 1 ? (tag >>> 5) * 256 + littleEndian(block, at + 1, 1) : littleEndian(block, at + 1, kind === 2 ? 2 : 4)
  const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
  return { header: kind === 3 ? 5 : 1 + kind, length, offset: offset === 0 ? Number.POSITIVE_INFINITY : offset }
}

function littleEndian(block: Uint8Array, at: number, bytes: number): number {
  let value = 0
  for (let i = 0; i < bytes; i++) value += (block[at + i] ?? 0) * 2 ** (8 * i)
  return value
}

/** A copy that overlaps its own output repeats it, which `Buffer.copyWithin` would not do. */
function copyWithin(output: Buffer, to: number, offset: number, length: number): void {
  if (offset >= length) output.copyWithin(to, to - offset, to - offset + length)
  else for (let i = 0; i < length; i++) output[to + i] = output[to - offset + i]!
}
