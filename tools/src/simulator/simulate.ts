import type { Refused, SimulatedLightCurve, SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { random, seedOf } from '@hierax/training/random.ts'
import { HieraxError } from 'hierax/errors.ts'
import { LRUCache } from 'lru-cache'
import { BabamulForm, FinkForm } from './broker-forms.ts'
import { historyFields } from './candidate.ts'
import { type PacketForm, type SimulatedMessage, SurveyForm } from './container.ts'
import { CutoutRenderer } from './cutouts.ts'
import { candidOf, exposureOf, maximumObjects } from './exposure.ts'
import { placeObject, type SimulatedObject } from './object.ts'
import { candidateFields, forcedFields, historyRange } from './packet.ts'
import { type RefusedShares, varied, withRefused } from './variation.ts'

export interface SimulationOptions {
  /** Number of objects; default: the number of light curves. Further objects reuse the light curves, varied. */
  readonly objects?: number
  /** Default 0. */
  readonly seed?: number
  /** Total size of a packet's three cutouts, bytes; 0 for none. Default 40,000, as in real packets. */
  readonly cutoutBytes?: number
  /**
   * Order of the packets: by time over all objects, shuffled, or staggered, as if the objects had started `stagger` days after one
   * another; each object's packets then are in time order.
   */
  readonly order?: PacketOrder
  /** Number of the first object, for consecutive simulations; default 0. Above 0 every id is synthetic. */
  readonly firstObject?: number
  /** Days between the starts of two objects in staggered order; default 0.5. */
  readonly stagger?: number
  /** Shares of added alerts that the default admission settings reject; default none. */
  readonly refused?: RefusedShares
  /** Default: that of the survey. */
  readonly form?: PacketFormName
}

/** Forms of packets: the survey's, and those of two public streams. */
export type PacketFormName = 'survey' | 'babamul' | 'fink'

const formOf: Readonly<Record<PacketFormName, () => PacketForm>> = {
  survey: () => new SurveyForm() as PacketForm,
  babamul: () => new BabamulForm(),
  fink: () => new FinkForm()
}

export type PacketOrder = 'time' | 'shuffled' | 'staggered'

const defaultStagger = 0.5

export interface SimulatedPacket extends SimulatedMessage {
  readonly objectId: string
  readonly candid: bigint
  /** Julian date of the alert, days. */
  readonly jd: number
  /** Published type of the light curve. */
  readonly label: string
  /** Why the default admission settings reject it; null if they do not. */
  readonly refused: Refused | null
}

/** An object of a simulation. */
export interface SimulatedSource {
  readonly objectId: string
  readonly label: string
  readonly points: readonly SimulatedPoint[]
  /**
   * The points that the packets contain, which a reader of all packets must recover: every detection, and the upper limits within
   * 30 days before one.
   */
  readonly visible: readonly SimulatedPoint[]
}

/**
 * ZTF alert packets (schema 4.02) simulated from light curves, one for each detection. Packets are generated lazily; iteration can be
 * repeated. Objects beyond the number of light curves reuse them under another id, shifted by whole days and in magnitude,
 * with new noise.
 *
 * The same options give the same records on every machine; the bytes of compressed images may differ between versions of Node.
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
  readonly #form: PacketForm
  readonly #cache = new LRUCache<number, CachedObject>({ max: 2000 })
  /** For each packet in order: index of its object, and of its detection among the object's points. */
  readonly #objects: Uint32Array
  readonly #detections: Uint32Array

  /** @throws HieraxError USAGE for options out of range, or if no light curve has a detection */
  constructor(curves: readonly SimulatedLightCurve[], options: SimulationOptions = {}) {
    this.#curves = curves.filter(curve => curve.points.some(point => point.detection))
    if (this.#curves.length === 0) throw new HieraxError('USAGE', 'no light curve has a detection')
    const count = options.objects ?? this.#curves.length
    if (count < 1 || count > maximumObjects) {
      throw new HieraxError(
        'USAGE',
        `${count} objects cannot be simulated, only 1 to ${maximumObjects}: candidate numbers would repeat`
      )
    }
    this.#seed = options.seed ?? 0
    this.#form = formOf[options.form ?? 'survey']()
    this.#stagger = options.stagger ?? defaultStagger
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
      yield this.#packet(this.#object(this.#objects[index]!), this.#detections[index]!)
    }
  }

  /** The simulated objects. */
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

  /** The object of a number, from the cache of recent objects where possible. */
  #object(number: number): CachedObject {
    const cached = this.#cache.get(number)
    if (cached) return cached
    const points = this.#points(number)
    const object = placeObject({ ...this.#curve(number), points }, this.#ids[number]!, number, this.#seed)
    const fresh = { object, points, history: [], forced: [] }
    this.#cache.set(number, fresh)
    return fresh
  }

  #packet({ object, points, history, forced }: CachedObject, detection: number): SimulatedPacket {
    const alert = points[detection]!
    const [from, to] = historyRange(points, alert)
    for (let index = from; index < to; index += 1) {
      const point = points[index]!
      history[index] ??= this.#form.entry('prv_candidates', historyFields(object, point, this.#seed))
      forced[index] ??= this.#form.entry('fp_hists', forcedFields(object, point, this.#seed))
    }
    const { objectId } = object
    const candid = candidOf(object, alert, exposureOf(object, alert, this.#seed))
    const message = this.#form.write({
      schemavsn: '4.02',
      publisher: 'Hierax (simulated)',
      objectId,
      candid,
      candidate: candidateFields(object, points, alert, this.#seed),
      prv_candidates: history.slice(from, to),
      // The survey does not list forced photometry in time order.
      fp_hists: forced.slice(from, to).reverse(),
      ...this.#cutouts.render(object, alert, candid)
    })
    return { objectId, candid, jd: alert.jd, label: object.label, refused: alert.refused ?? null, ...message }
  }

  #schedule(order: PacketOrder) {
    const draw = random(this.#seed, seedOf('order'))
    const rankOf = (jd: number, start: number, object: number): number =>
      order === 'time' ? jd : order === 'shuffled' ? draw.uniform() : jd - start + object * this.#stagger
    const entries: { object: number; detection: number; rank: number }[] = []
    for (let object = 0; object < this.#ids.length; object += 1) {
      const points = this.#points(object)
      const start = points.find(point => point.detection)?.jd ?? 0
      for (const [detection, point] of points.entries()) {
        if (point.detection) entries.push({ object, detection, rank: rankOf(point.jd, start, object) })
      }
    }
    return entries.sort((a, b) => a.rank - b.rank || a.object - b.object)
  }
}

/** An object with the history entries of its points encoded so far, by index of the point. */
interface CachedObject {
  readonly object: SimulatedObject
  readonly points: readonly SimulatedPoint[]
  readonly history: unknown[]
  readonly forced: unknown[]
}

/** A ZTF id is kept for its first object; other objects get an id with `sim`, far beyond the survey's own numbering. */
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
