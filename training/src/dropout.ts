import type { NetworkSizes } from 'hierax/classifier/weights.ts'
import type { Dropout } from './trainable.ts'

/** Dropout factors for so many steps × rows, or null where the rate is 0. A function of the seed. */
export function dropoutFactors(
  sizes: Pick<NetworkSizes, 'features' | 'dense'>,
  stepRows: number,
  rate: number,
  seed: number
): Dropout | null {
  if (rate === 0) return null
  return {
    features: factors(stepRows * sizes.features, rate, seed),
    dense: factors(stepRows * sizes.dense, rate, seed ^ 0x5bd1e995)
  }
}

/** 0 with the probability `rate`, else 1 / (1 − rate). Two from each word of Mulberry32: there are millions of them in a batch. */
function factors(size: number, rate: number, seed: number): Float32Array {
  const out = new Float32Array(size)
  const kept = 1 / (1 - rate)
  const threshold = Math.round(rate * 65_536)
  let state = seed | 0
  for (let at = 0; at < size; at += 2) {
    state = (state + 0x6d2b79f5) | 0
    let word = Math.imul(state ^ (state >>> 15), state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    word ^= word >>> 14
    if ((word & 0xffff) >= threshold) out[at] = kept
    if (word >>> 16 >= threshold && at + 1 < size) out[at + 1] = kept
  }
  return out
}
