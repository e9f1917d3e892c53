/** Number of elements between two sums that are kept. */
const spacing = 64

/**
 * Sums of the first elements of a sequence. Every 64th is kept, so that any number of sums reads each element about once, and each sum at
 * most 64 more. Sums must not be changed.
 */
export class PartialSums<T> {
  /** Sums of the first 0, 64, 128, … elements. */
  private readonly kept: T[]
  private readonly add: (sum: T, element: number) => T

  /** `add` returns the sum with a further element, given by its index. */
  constructor(zero: T, add: (sum: T, element: number) => T) {
    this.kept = [zero]
    this.add = add
  }

  /** The sum of the first `count` elements. */
  of(count: number): T {
    const { kept, add } = this
    const from = Math.min(Math.floor(count / spacing), kept.length - 1)
    let sum = kept[from] as T
    for (let element = from * spacing; element < count; element++) {
      sum = add(sum, element)
      if (element + 1 === kept.length * spacing) kept.push(sum)
    }
    return sum
  }
}
