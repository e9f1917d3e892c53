import { type Random, random } from '@hierax/training/random.ts'
import { bombs } from './bombs.ts'
import { brokers } from './brokers.ts'
import { mutations } from './mutations.ts'
import type { Recipe } from './recipe.ts'
import { schemas } from './schemas.ts'
import { values } from './values.ts'

/** All recipes for hostile packets. */
export const allRecipes: readonly Recipe[] = [...mutations, ...values, ...schemas, ...bombs, ...brokers]

/** A packet and the name of its recipe. */
export interface HostilePacket {
  readonly recipe: string
  readonly bytes: Buffer | null
  readonly key: Buffer | null
}

/** The packet with a serial number in the run of a seed. It does not depend on the packets before it. */
export function hostilePacket(seed: number, serial: number, bases: readonly Buffer[]): HostilePacket {
  const draw = random(seed, serial)
  return packetOf(chosen(draw), draw, bases, serial)
}

/** The packet that a recipe makes. */
export function packetOf(recipe: Recipe, draw: Random, bases: readonly Buffer[], serial: number): HostilePacket {
  const made = recipe.make(draw, bases, serial)
  const packet = made === null || Buffer.isBuffer(made) ? { value: made, key: null } : made
  return { recipe: recipe.name, bytes: packet.value, key: packet.key }
}

const totalWeight = allRecipes.reduce((sum, { weight }) => sum + (weight ?? 1), 0)

function chosen(draw: Random): Recipe {
  let left = draw.uniform(0, totalWeight)
  for (const recipe of allRecipes) {
    left -= recipe.weight ?? 1
    if (left < 0) return recipe
  }
  return allRecipes[0] as Recipe
}
