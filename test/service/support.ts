import type { ClassificationJson } from '../../src/messages/classification.ts'
import { encodeClassification, fromJson } from '../../src/messages/encoding.ts'
import { ClassificationFeed } from '../../src/service/feed.ts'
import type { ObjectQuery, QueriedObject, ServicePorts } from '../../src/service/ports.ts'
import { classification, history, object, statistics } from '../../src/service/schema/examples.ts'
import type { ModelView, PartState } from '../../src/service/schema/schemas.ts'
import { createService, type Service, type ServiceOptions } from '../../src/service/service.ts'
import { ShadowReport } from '../../src/service/shadow-report.ts'
import type { Part } from '../../src/telemetry/definitions.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'

export const model: ModelView = {
  name: 'small',
  version: '1.2.0',
  sha256: 'ab'.repeat(32),
  taxonomy: 'tree',
  taxonomyVersion: '3',
  runtime: 'wasm',
  root: 'Object',
  nodes: [
    { name: 'Transient', parent: 'Object', description: 'fades' },
    { name: 'SN Ia', parent: 'Transient' }
  ],
  population: classification.population
}

/** A world for the service to show, changed by tests as they like. */
export class World implements ServicePorts {
  readonly feed = new ClassificationFeed('json', 100)
  readonly metrics = new Metrics({ process: false })
  readonly logged: string[] = []
  parts: Record<Part, PartState> = {
    consumer: { ready: true, reason: 'running' },
    producer: { ready: true, reason: 'connected' },
    store: { ready: true, reason: 'open' },
    model: { ready: true, reason: 'loaded' }
  }
  live = { ok: true, reason: 'working' }
  lookup: ServicePorts['object'] = async objectId => (objectId === object.objectId ? object : null)
  shadows = new ShadowReport([{ ...model, name: 'candidate', sha256: 'ef'.repeat(32) }])
  programs: readonly number[] = [1]
  listeners = 0
  /** What queries find, and what they were asked for. */
  stored: readonly QueriedObject[] = [{ objectId: object.objectId, classification }]
  readonly asked: ObjectQuery[] = []

  readiness = () => this.parts
  liveness = () => this.live
  object = (objectId: string) => this.lookup(objectId)
  models = (): readonly ModelView[] => [model, { ...model, name: 'other', sha256: 'cd'.repeat(32), root: 'Transient' }]
  recent: ServicePorts['recent'] = (limit, accept) => this.feed.recent(limit, accept)
  history: ServicePorts['history'] = async objectId => (objectId === history.objectId ? history : null)
  cutouts: ServicePorts['cutouts'] = async () => null
  statistics: ServicePorts['statistics'] = async () => statistics

  query: ServicePorts['query'] = async function* (this: World, query) {
    this.asked.push(query)
    for (const one of this.stored) if (one.objectId > query.after) yield [one]
  }

  subscribe = (listener: (classification: ClassificationJson) => void) => {
    this.listeners++
    const unsubscribe = this.feed.subscribe(listener)
    return () => {
      this.listeners--
      unsubscribe()
    }
  }

  /** Publishes these classifications. */
  add(classifications: readonly ClassificationJson[]): void {
    const bodies = classifications.map(fromJson)
    this.feed.push(
      bodies,
      bodies.map(body => encodeClassification(body, 'json'))
    )
  }

  /** Publishes so many classifications, told apart by `id`. */
  publish(count: number, first = 0, padding = ''): void {
    const numbers = Array.from({ length: count }, (_, index) => first + index)
    this.add(numbers.map(number => ({ ...classification, id: `id-${number}${padding}` })))
  }

  service(options: Partial<ServiceOptions> = {}): Promise<Service> {
    const logger = createLogger({ level: 'debug', stream: { write: line => void this.logged.push(line) } })
    return createService(this, { logger, version: '0.0.0', ...options })
  }
}
