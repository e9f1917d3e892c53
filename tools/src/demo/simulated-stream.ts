import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { LRUCache } from 'lru-cache'
import { streamMix, streamStagger } from '../simulator/mix.ts'
import { Simulation } from '../simulator/simulate.ts'

/** Settings of {@link SimulatedStream}. */
export interface StreamOptions {
  readonly seed: number
  /** Number of objects after which it ends; null for no end. */
  readonly objects: number | null
  /** Objects of one simulation; another follows it. Preparing the usual number takes half a second. */
  readonly perRound?: number
}

const usualRound = 8800

/** Size of a packet's images together, bytes: smaller than real ones, which cost more to compress than all else. */
const cutoutBytes = 12_000

/**
 * A stream of ZTF packets without end, mixed as the public one: supernovae and periodic stars made from light curves, others made
 * up (see `streamMix`). The light curves come round again, varied, as other objects. Objects begin one after another, and each has its packets in order of time.
 */
export class SimulatedStream {
  readonly #curves: readonly SimulatedLightCurve[]
  readonly #options: StreamOptions
  readonly #labels = new LRUCache<string, string>({ max: 2 * usualRound })

  /** @param examples light curves of supernovae and others, of which the mix takes all */
  constructor(examples: readonly SimulatedLightCurve[], options: StreamOptions) {
    this.#curves = streamMix(examples, options.seed)
    this.#options = options
  }

  /** The packets; may be asked for once. */
  async *packets(): AsyncGenerator<Uint8Array> {
    const { seed, objects: wanted, perRound = usualRound } = this.#options
    for (let begun = 0; wanted === null || begun < wanted; begun += perRound) {
      const objects = Math.min(perRound, wanted === null ? perRound : wanted - begun)
      const round = { objects, seed: seed + begun / perRound, firstObject: begun, cutoutBytes, stagger: streamStagger }
      for (const { objectId, label, bytes } of new Simulation(this.#curves, { ...round, order: 'staggered' })) {
        this.#labels.set(objectId, label)
        yield bytes
      }
    }
  }

  /** The first object with an id of the survey: one that comes early. */
  get example(): string {
    return this.#curves.find(({ id }) => /^ZTF\d\d[a-z]{7}$/.test(id))?.id ?? ''
  }

  /** Published type of the light curve that an object was made from; null for an object of long ago. */
  labelOf(objectId: string): string | null {
    return this.#labels.get(objectId) ?? null
  }
}
