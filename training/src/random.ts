/** A pseudo-random generator that gives the same numbers for the same seeds on every machine. */
export interface Random {
  /** Uniform in [low, high). */
  uniform(low?: number, high?: number): number
  /** Whole number in [low, high]. */
  integer(low: number, high: number): number
  /** Normally distributed, mean 0, standard deviation 1. */
  normal(): number
  /** One of the items. */
  pick<T>(items: readonly T[]): T
}

/**
 * A generator for a combination of seeds (whole numbers), independent of those for other combinations: what is drawn
 * for one packet does not depend on how many others were made before.
 */
export function random(...seeds: readonly number[]): Random {
  let state = 0x9e3779b9
  for (const seed of seeds) state = mix(state ^ (seed | 0)) ^ mix(Math.floor(seed / 2 ** 32) + 0x85ebca6b)
  /** Mulberry32: 32 bits of state, uniform, fast. */
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let word = Math.imul(state ^ (state >>> 15), state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32
  }
  const uniform = (low = 0, high = 1) => low + (high - low) * next()
  const integer = (low: number, high: number) => low + Math.floor((high - low + 1) * next())
  return {
    uniform,
    integer,
    // Box–Muller.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    pick: items => items[integer(0, items.length - 1)] as (typeof items)[number]
  }
}

/** MurmurHash3's finalizer: every bit of the word sways every bit of the result. */
function mix(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** A seed from a text. */
export function seedOf(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) + 1
  return hash >>> 0
}
