import type { Cursor } from '../../avro/cursor.ts'

/** Moves the cursor past a value. */
export type Skip = (cursor: Cursor) => void

/** Values of a simple type, which need no call to be read or skipped. */
const kinds = { call: 0, fixed: 1, integer: 2, sized: 3, readFloat: 4, readDouble: 5, readInteger: 6 } as const

/** For steps that are no union with null. */
const noUnion = 255

/** Sizes are counted in 32 bits. */
const greatestSize = 2 ** 30

/** A place for a number that is read. */
export interface Target {
  readonly row: { readonly values: unknown[]; readonly base: number }
  readonly column: number
}

/** A step that is taken without a call. */
export interface Simple {
  readonly kind: Exclude<keyof typeof kinds, 'call'>
  /** Bytes of a fixed size. */
  readonly size?: number
  /** Of a union with null, the index of the other type. */
  readonly present?: 0 | 1
  /** Where a number is put; null is not. */
  readonly target?: Target
}

const simples = new WeakMap<Skip, Simple>()

/** States that a step is simple. Calling it has the same effect. */
export function simple(step: Skip, as: Simple): Skip {
  simples.set(step, as)
  return step
}

/** How a step is simple; undefined if it is not. */
export function simpleOf(step: Skip): Simple | undefined {
  return simples.get(step)
}

/**
 * Combines steps. A single one is returned unchanged, so that records with one field add no cost. Simple ones are taken in one loop: in the
 * fifty fields of a history point, calls would cost more than all else. Wherever something is unusual, or wrong, the step is called instead.
 */
export function chain(steps: readonly Skip[]): Skip {
  if (steps.length === 1) return steps[0]!
  const count = steps.length
  const table = steps.map(step => {
    const as = simpleOf(step)
    return (as?.size ?? 0) > greatestSize ? undefined : as
  })
  const kind = Uint8Array.from(table, as => kinds[as?.kind ?? 'call'])
  const size = Int32Array.from(table, as => as?.size ?? 0)
  /** The byte that names the union's type where there is a value; where there is none, the other of 0 and 2. */
  const present = Uint8Array.from(table, as => (as?.present === undefined ? noUnion : 2 * as.present))
  const target = table.map(as => as?.target)
  return cursor => {
    const { bytes, view, end } = cursor
    let position = cursor.position
    for (let i = 0; i < count; i++) {
      let at = position
      let of: number = kind[i]!
      if (of !== kinds.call && present[i] !== noUnion) {
        const type = at < end ? bytes[at]! : noUnion
        at++
        if (type !== present[i]) {
          if (type === 2 - present[i]!) {
            position = at
            continue
          }
          of = kinds.call
        }
      }
      if (of === kinds.fixed) at += size[i]!
      else if (of === kinds.readFloat || of === kinds.readDouble) {
        const from = at
        at += of === kinds.readFloat ? 4 : 8
        if (at <= end) {
          const { row, column } = target[i]!
          row.values[row.base + column] =
            of === kinds.readFloat ? view.getFloat32(from, true) : view.getFloat64(from, true)
        }
      } else if (of !== kinds.call) {
        let byte = at < end ? bytes[at++]! : 0x80
        let value = byte & 0x7f
        let shift = 7
        for (; byte >= 0x80 && shift < 70 && at < end; shift += 7) {
          byte = bytes[at++]!
          if (shift < 28) value |= (byte & 0x7f) << shift
        }
        if (byte >= 0x80 || (shift > 28 && of !== kinds.integer)) of = kinds.call
        else if (of === kinds.sized) {
          if ((value & 1) === 0) at += value >>> 1
          else of = kinds.call
        } else if (of === kinds.readInteger) {
          const { row, column } = target[i]!
          row.values[row.base + column] = (value >>> 1) ^ -(value & 1)
        }
      }
      if (of === kinds.call || at > end) {
        cursor.position = position
        steps[i]!(cursor)
        at = cursor.position
      }
      position = at
    }
    cursor.position = position
  }
}
