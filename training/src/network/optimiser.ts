import type { Weights } from 'hierax/classifier/network/network.ts'
import type { Recipe } from '../recipe.ts'

/** Gradients are scaled down to this norm where theirs is greater, as in the reference study. */
export const gradientClip = 1

/** Running moments of the gradient and the number of steps, which a checkpoint must have in addition to the weights. */
export interface Moments {
  steps: number
  readonly first: Readonly<Record<string, Float32Array>>
  readonly second: Readonly<Record<string, Float32Array>>
}

const decayOfFirst = 0.9
const decayOfSecond = 0.999
const epsilon = 1e-8

const warmUp = 0.15
const startFactor = 1 / 25
const endFactor = startFactor / 1e4

/** Moments before the first step. */
export function noMoments(weights: Weights): Moments {
  const zeros = () =>
    Object.fromEntries(Object.entries(weights).map(([name, { values }]) => [name, new Float32Array(values.length)]))
  return { steps: 0, first: zeros(), second: zeros() }
}

/**
 * Share of the highest learning rate at a step of so many: one cycle (Smith 2018), up from 1/25 over 15 % of the steps and down to
 * 1/250,000, both along half a cosine.
 */
export function oneCycle(step: number, steps: number): number {
  const top = Math.max(1, warmUp * steps)
  const between = (from: number, to: number, part: number): number =>
    to + ((from - to) * (1 + Math.cos(Math.PI * part))) / 2
  if (step < top) return between(startFactor, 1, step / top)
  return between(1, endFactor, Math.min(1, (step - top) / Math.max(1, steps - 1 - top)))
}

/** Euclidean norm of all gradients together. */
export function gradientNorm(gradients: Readonly<Record<string, Float32Array>>): number {
  let squares = 0
  for (const values of Object.values(gradients)) for (const value of values) squares += value * value
  return Math.sqrt(squares)
}

/** One step of AdamW (Loshchilov & Hutter 2019): changes weights and moments in place. `rate` is the share of the learning rate. */
export function adamStep(
  weights: Weights,
  moments: Moments,
  gradients: Readonly<Record<string, Float32Array>>,
  { learningRate, weightDecay }: Pick<Recipe['schedule'], 'learningRate' | 'weightDecay'>,
  rate: number,
  clip = gradientClip
): void {
  moments.steps += 1
  const scale = Math.min(1, clip / (gradientNorm(gradients) + 1e-6))
  const step = (learningRate * rate) / (1 - decayOfFirst ** moments.steps)
  const correction = 1 / (1 - decayOfSecond ** moments.steps)
  const decay = 1 - learningRate * rate * weightDecay
  for (const [name, { values }] of Object.entries(weights)) {
    const gradient = gradients[name] as Float32Array
    const first = moments.first[name] as Float32Array
    const second = moments.second[name] as Float32Array
    for (let at = 0; at < values.length; at++) {
      const g = (gradient[at] as number) * scale
      const m = decayOfFirst * (first[at] as number) + (1 - decayOfFirst) * g
      const v = decayOfSecond * (second[at] as number) + (1 - decayOfSecond) * g * g
      first[at] = m
      second[at] = v
      values[at] = (values[at] as number) * decay - (step * m) / (Math.sqrt(v * correction) + epsilon)
    }
  }
}
