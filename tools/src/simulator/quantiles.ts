import type { Random } from '@hierax/training/random.ts'

/** Values of a distribution at 5, 25, 50, 75 and 95 %. */
export type Quantiles = readonly [number, number, number, number, number]

const levels: Quantiles = [0.05, 0.25, 0.5, 0.75, 0.95]

/** Draws from a distribution that is linear between its quantiles and cut off at the outer two. */
export function drawFrom(quantiles: Quantiles, draw: Random): number {
  const level = draw.uniform()
  if (level <= levels[0]) return quantiles[0]
  const above = levels.findIndex(other => level <= other)
  if (above < 0) return quantiles[4]
  const [low, high] = [levels[above - 1] as number, levels[above] as number]
  const [from, to] = [quantiles[above - 1] as number, quantiles[above] as number]
  return from + ((level - low) / (high - low)) * (to - from)
}
