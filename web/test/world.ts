import { gzipSync } from 'node:zlib'
import type { ClassificationJson } from '../../src/messages/classification.ts'
import { classification } from '../../src/service/schema/examples.ts'
import type { HistoryView, ModelView, ObjectView, PointView } from '../../src/service/schema/schemas.ts'
import type { Service, ServiceOptions } from '../../src/service/service.ts'
import { createService } from '../../src/service/service.ts'
import { MinuteStatistics } from '../../src/service/statistics.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { World } from '../../test/service/support.ts'

/** A small taxonomy. */
const small: ModelView['nodes'] = [
  { name: 'Transient', parent: 'Object', description: 'happens once' },
  { name: 'SN Ia', parent: 'Transient' },
  { name: 'CC', parent: 'Transient' },
  { name: 'Persistent', parent: 'Object' }
]

/** A taxonomy of `size` nodes with three children each. */
export function grown(size: number): ModelView['nodes'] {
  return Array.from({ length: size }, (_, index) => ({
    name: `Node ${index}`,
    parent: index < 3 ? 'Object' : `Node ${Math.floor(index / 3) - 1}`
  }))
}

/** Marginal probabilities of nodes: the first child gets `share` of its parent, its siblings the rest. */
export function probabilitiesOf(nodes: ModelView['nodes'], share: number): number[] {
  const marginal = new Map<string | null, number>()
  return nodes.map(({ name, parent }) => {
    const siblings = nodes.filter(other => other.parent === parent)
    const own = siblings.length === 1 ? 1 : siblings[0]?.name === name ? share : (1 - share) / (siblings.length - 1)
    const all = own * (marginal.get(parent) ?? 1)
    marginal.set(name, all)
    return all
  })
}

/** Objects with classifications that a test determines, complete enough for every view. */
export class PageWorld extends World {
  readonly model: ModelView
  /** Further models, with the same nodes. */
  readonly others: ModelView[] = []
  readonly minute = new MinuteStatistics('ab'.repeat(32))
  readonly objects = new Map<string, ObjectView>()

  constructor(nodes: ModelView['nodes'] = small) {
    super()
    this.model = {
      name: 'page-model',
      version: '2.1.0',
      sha256: 'ab'.repeat(32),
      taxonomy: 'page-tree',
      taxonomyVersion: '7',
      runtime: 'wasm',
      root: 'Object',
      nodes,
      population: { name: 'stream', shares: { Transient: 0.04, Persistent: 0.96 } }
    }
  }

  override models = (): readonly ModelView[] => [this.model, ...this.others]
  override object = async (objectId: string, model?: string) => this.objectOf(objectId, model)
  override history = async (objectId: string, query: { readonly model?: string } = {}) =>
    this.historyOf(objectId, query.model)
  /** The objects that have images, all with the same picture of a source. */
  readonly pictured = new Set<string>()
  override cutouts = async (objectId: string) => {
    const newest = this.objects.get(objectId)?.newest
    if (!newest || !this.pictured.has(objectId)) return null
    return { objectId, candid: BigInt(newest.candid), programId: 1, cutouts: { science: stamp, difference: stamp } }
  }
  override statistics = async () => ({
    alerts: 12_345,
    outcomes: { classified: 12_000, notClassified: 340, deadLetters: 5 },
    lag: 17,
    objects: this.objects.size,
    minute: this.minute.view()
  })

  /** A classification of an object after some detections, with `share` for the first child of each node. */
  answer(objectId: string, detections: number, share: number, changes: object = {}): ClassificationJson {
    const { nodes, root, name, version, sha256, taxonomy, taxonomyVersion } = this.model
    const marginal = probabilitiesOf(nodes, share)
    const jd = 2459000.5 + detections
    const path = ['Transient', 'SN Ia'].filter(one => nodes.some(node => node.name === one))
    const leaf = path.at(-1) ?? (nodes[0]?.name as string)
    return {
      id: `${objectId}:${detections}:x`,
      objectId,
      candid: String(1_103_449_531_415_015_000n + BigInt(detections)),
      jd,
      ra: (parseInt(objectId.slice(-3), 36) * 7) % 360,
      dec: (parseInt(objectId.slice(-2), 36) % 120) - 30,
      programId: 1,
      status: 'CLASSIFIED',
      reason: null,
      alert: {
        band: detections % 2 === 0 ? 'g' : 'r',
        magnitude: 18.5,
        error: 0.08,
        positive: true,
        realBogus: 0.97,
        starScore: 0.1,
        starDistance: 3.2,
        solarSystemDistance: null,
        solarSystemName: null
      },
      nodes: nodes.map((node, index) => ({
        name: node.name,
        parent: node.parent === root ? null : node.parent,
        conditional: marginal[index] as number,
        probability: marginal[index] as number
      })),
      prediction: {
        node: leaf,
        probability: marginal[nodes.findIndex(node => node.name === leaf)] as number,
        path: path.length > 0 ? path : [leaf]
      },
      novelty: null,
      classifier: { name, version, sha256, taxonomy, taxonomyVersion },
      lightCurve: {
        detections,
        upperLimits: 3,
        firstJd: 2459000.5,
        lastJd: jd,
        latest: { g: 18.2, r: 18.5 },
        fingerprint: '0123456789abcdef',
        revision: detections * 3,
        firstDetectionJd: 2459001.5,
        lastDetectionJd: jd,
        ndethist: detections + 1,
        jdstarthist: 2459000.5,
        peak: { g: { jd: 2459001.5, magnitude: 18.2 } },
        droppedPoints: 0
      },
      evidence: evidenceOf(nodes, root, marginal),
      context: { ...classification.context, ndethist: detections + 1, jdstarthist: 2459000.5 },
      population: this.model.population,
      ...changes
    }
  }

  /** Publishes classifications, and keeps the last one of each object. */
  say(...answers: readonly ClassificationJson[]): void {
    for (const one of answers) {
      const { objectId, jd, ra, dec, lightCurve } = one as { objectId: string; jd: number; ra: number; dec: number } & {
        lightCurve: { detections: number }
      }
      this.objects.set(objectId, {
        objectId,
        lightCurve: pointsOf(lightCurve.detections),
        newest: { candid: String(one.candid), jd, ra, dec, programId: 1 },
        classification: one
      })
    }
    this.minute.add(answers as never)
    this.add(answers)
  }

  override service(options: Partial<ServiceOptions> = {}): Promise<Service> {
    const logger = createLogger({ level: 'fatal', stream: { write: line => void this.logged.push(line) } })
    return createService(this, { logger, version: '0.0.0', requestsPerMinute: 100_000, ...options })
  }

  /** Another model's classification of the same alert, with `share` for the first child of each node. */
  second(other: ModelView, objectId: string, share: number): ClassificationJson {
    const first = this.objects.get(objectId)?.classification as ClassificationJson & {
      lightCurve: { detections: number }
    }
    const { name, version, sha256, taxonomy, taxonomyVersion } = other
    const classifier = { name, version, sha256, taxonomy, taxonomyVersion }
    return this.answer(objectId, first.lightCurve.detections, share, { classifier, id: `${objectId}:${name}` })
  }

  private objectOf(objectId: string, model?: string): ObjectView | null {
    const known = this.objects.get(objectId) ?? null
    const other = this.others.find(({ name, sha256 }) => model === name || model === sha256)
    if (known && this.pictured.has(objectId)) return { ...known, cutouts: ['science', 'difference'] }
    return known && other ? { ...known, classification: this.second(other, objectId, 0.55) } : known
  }

  private historyOf(objectId: string, model?: string): HistoryView | null {
    const known = this.objects.get(objectId)
    if (!known) return null
    const { name, version, sha256, taxonomy, taxonomyVersion, root, nodes } =
      this.others.find(({ name, sha256 }) => model === name || model === sha256) ?? this.model
    const detections = known.lightCurve.filter(({ type }) => type === 'detection')
    return {
      objectId,
      classifier: { name, version, sha256, taxonomy, taxonomyVersion },
      nodes: nodes.map(node => ({ name: node.name, parent: node.parent === root ? null : node.parent })),
      moments: detections.map(({ jd, mjd, band, candid }, index) => {
        const probabilities = probabilitiesOf(nodes, 0.34 + (0.6 * index) / detections.length)
        const first = nodes[0]?.name as string
        return {
          jd,
          mjd,
          band,
          candid,
          detections: index + 1,
          probabilities,
          prediction: { node: first, probability: probabilities[0] as number, path: [first] },
          novelty: null,
          evidence: evidenceOf(nodes, root, probabilities)
        }
      })
    }
  }
}

/** A FITS image of 21 pixels with a source in its middle. */
const stamp = pictureOf(21)

function pictureOf(side: number): Buffer {
  const cards = ['SIMPLE  = T', 'BITPIX  = -32', 'NAXIS   = 2', `NAXIS1  = ${side}`, `NAXIS2  = ${side}`, 'END']
  const data = Buffer.alloc(side * side * 4)
  const middle = (side - 1) / 2
  for (let index = 0; index < side * side; index++) {
    const away = Math.hypot((index % side) - middle, Math.floor(index / side) - middle)
    data.writeFloatBE(200 + (index % 7) + 900 * Math.exp(-((away / 2.5) ** 2)), index * 4)
  }
  return gzipSync(
    Buffer.concat([
      Buffer.from(
        cards
          .map(card => card.padEnd(80))
          .join('')
          .padEnd(2880)
      ),
      data
    ])
  )
}

/** Evidence with these probabilities: context 2 and prior −1.5 for the first child, the rest from the light curve. */
function evidenceOf(nodes: ModelView['nodes'], root: string, marginal: readonly number[]) {
  return nodes.flatMap(({ name, parent }, index) => {
    if (parent !== root) return []
    const [context, prior] = index === 0 ? [2, -1.5] : [0, 0]
    return [{ node: name, lightCurve: Math.log(marginal[index] as number) - context - prior, context, prior }]
  })
}

/** A light curve with a maximum, upper limits before it, in three bands. */
function pointsOf(detections: number): PointView[] {
  const limits = Array.from({ length: 3 }, (_, index) => pointAt(-6 + 2 * index, index, false))
  return [...limits, ...Array.from({ length: detections }, (_, index) => pointAt(index + 1, index, true))]
}

function pointAt(day: number, index: number, detection: boolean): PointView {
  const band = (['g', 'r', 'i'] as const)[index % 3] as 'g' | 'r' | 'i'
  return {
    jd: 2459000.5 + day,
    mjd: 59000 + day,
    band,
    type: detection ? 'detection' : 'upperLimit',
    magnitude: detection ? 17.5 + (day - 6) ** 2 * 0.02 : 20.1,
    error: detection ? 0.05 + 0.01 * (index % 4) : null,
    positive: detection ? true : null,
    candid: detection ? String(1_103_449_531_415_015_000n + BigInt(day)) : null,
    realBogus: detection ? 0.97 : null,
    solarSystemDistance: null,
    admitted: true
  }
}
