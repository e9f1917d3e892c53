import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { LRUCache } from 'lru-cache'
import { streamMix, streamStagger } from '../simulator/mix.ts'
import { Simulation } from '../simulator/simulate.ts'

export interface StreamOptions {
  readonly seed: number
  /** Total number of objects; null for an endless stream. */
  readonly objects: number | null
  /** Objects in each simulation of the sequence. Preparing the default number takes half a second. */
  readonly perRound?: number
}

const defaultRound = 8800

/** Size of a packet's three images, bytes. Compressing images of the real size would dominate the cost. */
const cutoutBytes = 12_000

/**
 * A stream of ZTF packets of many classes (see `streamMix`). Light curves are reused, varied, for further
 * objects. Objects start one after another, and each object's packets are in time order.
 */
export class SimulatedStream {
  readonly #curves: readonly SimulatedLightCurve[]
  readonly #options: StreamOptions
  readonly #labels = new LRUCache<string, string>({ max: 2 * defaultRound })

  /** @param examples light curves of real objects, all of which enter the mix */
  constructor(examples: readonly SimulatedLightCurve[], options: StreamOptions) {
    this.#curves = streamMix(examples, options.seed)
    this.#options = options
  }

  /** The packets; can be iterated once. */
  async *packets(): AsyncGenerator<Uint8Array> {
    const { seed, objects: total, perRound = defaultRound } = this.#options
    for (let started = 0; total === null || started < total; started += perRound) {
      const objects = Math.min(perRound, total === null ? perRound : total - started)
      const round = {
        objects,
        seed: seed + started / perRound,
        firstObject: started,
        cutoutBytes,
        stagger: streamStagger
      }
      for (const { objectId, label, bytes } of new Simulation(this.#curves, { ...round, order: 'staggered' })) {
        this.#labels.set(objectId, label)
        yield bytes
      }
    }
  }

  /** Id of an object that starts early. */
  get example(): string {
    return this.#curves.find(({ id }) => /^ZTF\d\d[a-z]{7}$/.test(id))?.id ?? ''
  }

  /** Published type of the light curve an object was simulated from; null once it is forgotten. */
  labelOf(objectId: string): string | null {
    return this.#labels.get(objectId) ?? null
  }
}
