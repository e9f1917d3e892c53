/** Sum of values, from the first to the last. */
export function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}

/** Mean of values; NaN without any. */
export function mean(values: ArrayLike<number> & Iterable<number>): number {
  return sum(values) / values.length
}

/** Standard deviation of a sample; 0 for a single value. */
export function deviation(values: readonly number[]): number {
  const middle = mean(values)
  return Math.sqrt(sum(values.map(value => (value - middle) ** 2)) / Math.max(1, values.length - 1))
}

/** How often each value occurs, in order of first occurrence. */
export function tally<T>(values: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

/** Items by key, keys in order of first occurrence. */
export function groupBy<K, T>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

/** Items in groups of this size; the last group may be smaller. */
export function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size))
}
