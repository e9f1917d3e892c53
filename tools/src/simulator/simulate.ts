import type { Refused, SimulatedLightCurve, SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { random, seedOf } from '@hierax/training/random.ts'
import { HieraxError } from 'hierax/errors.ts'
import { LRUCache } from 'lru-cache'
import { historyFields } from './candidate.ts'
import { PacketWriter } from './container.ts'
import { CutoutRenderer } from './cutouts.ts'
import { candidOf, exposureOf, maximumObjects } from './exposure.ts'
import { placeObject, type SimulatedObject } from './object.ts'
import { candidateFields, forcedFields, historyRange } from './packet.ts'
import { type RefusedShares, varied, withRefused } from './variation.ts'

/** Settings of {@link Simulation}. */
export interface SimulationOptions {
  /** Number of objects; as many as there are light curves unless given. More go round them again, varied. */
  readonly objects?: number
  /** The same seed makes the same packets. 0 unless given. */
  readonly seed?: number
  /** Size of a packet's three cutouts together, bytes; about 40,000 (as real ones have) unless given, 0 for none. */
  readonly cutoutBytes?: number
  /**
   * Order of the packets: by time over all objects, shuffled, or as if the objects had begun one after another
   * (`stagger` days apart, whenever that was in truth): each object's packets by time.
   */
  readonly order?: PacketOrder
  /** Number of the first object in made-up ids, 0 unless given; above 0 every id is made up. For one simulation after another. */
  readonly firstObject?: number
  /** In staggered order an object begins so long after the one before it, days; half a day unless given. */
  readonly stagger?: number
  /** Alerts that are added for an admission to refuse; none unless given. */
  readonly refused?: RefusedShares
}

export type PacketOrder = 'time' | 'shuffled' | 'staggered'

const usualStagger = 0.5

/** One packet of a simulation. */
export interface SimulatedPacket {
  readonly objectId: string
  readonly candid: bigint
  /** Julian date of the alert, days. */
  readonly jd: number
  /** Published type of the light curve that it was made from. */
  readonly label: string
  /** Why the usual admission settings refuse it; null where they do not. */
  readonly refused: Refused | null
  /** An Avro object container file with one record of schema 4.02. */
  readonly bytes: Buffer
}

/** An object of a simulation: what goes in, and what can come back out. */
export interface SimulatedSource {
  readonly objectId: string
  readonly label: string
  readonly points: readonly SimulatedPoint[]
  /**
   * The points that the packets carry, which is the light curve that a reader of all of them must end with: every
   * detection, and the upper limits within 30 days before one.
   */
  readonly visible: readonly SimulatedPoint[]
}

/**
 * ZTF alert packets (schema 4.02) made from light curves, one for each detection. Iterating makes the packets one by one and may be done
 * again. Objects beyond the number of light curves repeat them under another id, moved in time by whole days and in
 * magnitude, with new noise.
 *
 * The same options give the same records on every machine; compressed images may differ in their bytes between versions of
 * Node.
 */
export class Simulation implements Iterable<SimulatedPacket> {
  /** Number of packets. */
  readonly length: number
  readonly #curves: readonly SimulatedLightCurve[]
  readonly #ids: readonly string[]
  readonly #seed: number
  readonly #stagger: number
  readonly #refused: RefusedShares
  readonly #cutouts: CutoutRenderer
  readonly #writer = new PacketWriter()
  readonly #prepared = new LRUCache<number, Prepared>({ max: 2000 })
  /** For each packet in their order: number of the object, and of the detection among its points. */
  readonly #objects: Uint32Array
  readonly #detections: Uint32Array

  /** @throws HieraxError USAGE for settings out of range, or light curves without a detection */
  constructor(curves: readonly SimulatedLightCurve[], options: SimulationOptions = {}) {
    this.#curves = curves.filter(curve => curve.points.some(point => point.detection))
    if (this.#curves.length === 0) throw new HieraxError('USAGE', 'there is no light curve with a detection')
    const count = options.objects ?? this.#curves.length
    if (count < 1 || count > maximumObjects) {
      throw new HieraxError(
        'USAGE',
        `${count} objects can't be made, only 1 to ${maximumObjects}: candidate numbers would repeat`
      )
    }
    this.#seed = options.seed ?? 0
    this.#stagger = options.stagger ?? usualStagger
    this.#refused = options.refused ?? { bogus: 0, solarSystem: 0 }
    this.#cutouts = new CutoutRenderer(this.#seed, options.cutoutBytes ?? 40_000)
    this.#ids = objectIds(this.#curves, count, options.firstObject ?? 0)
    const order = this.#schedule(options.order ?? 'time')
    this.length = order.length
    this.#objects = Uint32Array.from(order, entry => entry.object)
    this.#detections = Uint32Array.from(order, entry => entry.detection)
  }

  *[Symbol.iterator](): Iterator<SimulatedPacket> {
    for (let index = 0; index < this.length; index += 1) {
      yield this.#packet(this.#prepare(this.#objects[index]!), this.#detections[index]!)
    }
  }

  /** The objects, with what their packets carry. */
  *sources(): Generator<SimulatedSource> {
    for (const [number, objectId] of this.#ids.entries()) {
      const points = this.#points(number)
      const seen = new Set(points.filter(point => point.detection))
      for (const alert of [...seen]) {
        for (const point of points.slice(...historyRange(points, alert))) seen.add(point)
      }
      yield { objectId, label: this.#curve(number).label, points, visible: points.filter(point => seen.has(point)) }
    }
  }

  #curve(number: number): SimulatedLightCurve {
    return this.#curves[number % this.#curves.length]!
  }

  #points(number: number): readonly SimulatedPoint[] {
    const { points } = this.#curve(number)
    const own = number < this.#curves.length ? points : varied(points, number, this.#seed)
    return withRefused(own, this.#refused, number, this.#seed)
  }

  /** An object with the entries of histories made so far; those of the latest objects are kept. */
  #prepare(number: number): Prepared {
    const kept = this.#prepared.get(number)
    if (kept) return kept
    const points = this.#points(number)
    const object = placeObject({ ...this.#curve(number), points }, this.#ids[number]!, number, this.#seed)
    const prepared = { object, points, history: [], forced: [] }
    this.#prepared.set(number, prepared)
    return prepared
  }

  #packet({ object, points, history, forced }: Prepared, detection: number): SimulatedPacket {
    const alert = points[detection]!
    const [from, to] = historyRange(points, alert)
    for (let index = from; index < to; index += 1) {
      const point = points[index]!
      history[index] ??= this.#writer.entry('prv_candidates', historyFields(object, point, this.#seed))
      forced[index] ??= this.#writer.entry('fp_hists', forcedFields(object, point, this.#seed))
    }
    const { objectId } = object
    const candid = candidOf(object, alert, exposureOf(object, alert, this.#seed))
    const bytes = this.#writer.write({
      schemavsn: '4.02',
      publisher: 'Hierax (simulated)',
      objectId,
      candid,
      candidate: candidateFields(object, points, alert, this.#seed),
      prv_candidates: history.slice(from, to),
      // The survey lists forced photometry in no order of time.
      fp_hists: forced.slice(from, to).reverse(),
      ...this.#cutouts.render(object, alert, candid)
    })
    return { objectId, candid, jd: alert.jd, label: object.label, refused: alert.refused ?? null, bytes }
  }

  #schedule(order: PacketOrder) {
    const draw = random(this.#seed, seedOf('order'))
    const rankOf = (jd: number, begun: number, object: number): number =>
      order === 'time' ? jd : order === 'shuffled' ? draw.uniform() : jd - begun + object * this.#stagger
    const entries: { object: number; detection: number; rank: number }[] = []
    for (let object = 0; object < this.#ids.length; object += 1) {
      const points = this.#points(object)
      const begun = points.find(point => point.detection)?.jd ?? 0
      for (const [detection, point] of points.entries()) {
        if (point.detection) entries.push({ object, detection, rank: rankOf(point.jd, begun, object) })
      }
    }
    return entries.sort((a, b) => a.rank - b.rank || a.object - b.object)
  }
}

/** An object with the encoded entries of its points, by their index, as far as they were needed. */
interface Prepared {
  readonly object: SimulatedObject
  readonly points: readonly SimulatedPoint[]
  readonly history: Buffer[]
  readonly forced: Buffer[]
}

/** ZTF ids stay as they are, once; other objects get one with `sim` in it, far beyond the survey's own numbering. */
function objectIds(curves: readonly SimulatedLightCurve[], count: number, first: number): string[] {
  const taken = new Set<string>()
  return Array.from({ length: count }, (_, number) => {
    const curve = curves[number % curves.length]!
    const own = first === 0 && number < curves.length && /^ZTF\d\d[a-z]{7}$/.test(curve.id) && !taken.has(curve.id)
    const id = own ? curve.id : `ZTF${yearOf(curve)}sim${letters(first + number)}`
    taken.add(id)
    return id
  })
}

function yearOf(curve: SimulatedLightCurve): string {
  const years = Math.floor(((curve.points[0]?.jd ?? 2458200) - 2451544.5) / 365.25)
  return String(Math.min(99, Math.max(0, years))).padStart(2, '0')
}

function letters(number: number): string {
  let rest = number
  let text = ''
  for (let place = 0; place < 4; place += 1) {
    text = String.fromCharCode(97 + (rest % 26)) + text
    rest = Math.floor(rest / 26)
  }
  return text
}
