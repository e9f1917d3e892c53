import type { Random } from '@hierax/training/random.ts'

/** What a recipe makes packets from. */
export interface Pantry {
  /** Real packets, or simulated ones, under object ids of their own. */
  readonly bases: readonly Buffer[]
}

/** One way to make a hostile packet. */
export interface Recipe {
  readonly name: string
  /** How often it is taken; 1 unless given. Packets that are large or dear to make come less often. */
  readonly weight?: number
  /** `serial` is the packet's number in the run: what rests on it is distinct in every packet. */
  make(random: Random, pantry: Pantry, serial: number): Buffer | null
}

/** A recipe without its name. */
type Making = Recipe['make']

/** Recipes by name, all of one weight. */
export function recipes(weight: number, makings: Readonly<Record<string, Making>>): Recipe[] {
  return Object.entries(makings).map(([name, make]) => ({ name, weight, make }))
}
