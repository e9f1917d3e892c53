import { type Random, random } from '@hierax/training/random.ts'
import { bombs } from './bombs.ts'
import { mutations } from './mutations.ts'
import type { Pantry, Recipe } from './recipe.ts'
import { schemas } from './schemas.ts'
import { values } from './values.ts'

/** Every way to make a hostile packet. */
export const allRecipes: readonly Recipe[] = [...mutations, ...values, ...schemas, ...bombs]

/** A packet and the recipe that it was made by. */
export interface HostilePacket {
  readonly recipe: string
  readonly bytes: Buffer | null
}

/** The packet of a number in a run with a seed: the same on every machine, whatever came before it. */
export function hostilePacket(seed: number, serial: number, pantry: Pantry): HostilePacket {
  const draw = random(seed, serial)
  const recipe = chosen(draw)
  return { recipe: recipe.name, bytes: recipe.make(draw, pantry, serial) }
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
