import type { Random } from '@hierax/training/random.ts'

/** A packet with its message key. */
export interface KeyedPacket {
  readonly value: Buffer
  readonly key: Buffer | null
}

/** One way to make a hostile packet. */
export interface Recipe {
  readonly name: string
  /** Relative frequency, default 1; lower for packets that are large or expensive to make. */
  readonly weight?: number
  /**
   * @param bases valid packets under object ids of their own, to be damaged
   * @param serial number of the packet in the run, different for every packet
   */
  make(random: Random, bases: readonly Buffer[], serial: number): Buffer | KeyedPacket | null
}

/** Recipes of the same weight. */
export function recipes(weight: number, byName: Readonly<Record<string, Recipe['make']>>): Recipe[] {
  return Object.entries(byName).map(([name, make]) => ({ name, weight, make }))
}
