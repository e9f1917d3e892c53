import type { HieraxError } from '../errors.ts'
import type { Store } from '../lightcurves/stores/store.ts'
import type { PartState, ServicePorts } from '../service/ports.ts'
import type { KafkaSink } from '../streams/kafka/sink.ts'
import type { KafkaSource } from '../streams/kafka/source.ts'

/** A batch that has been in work for so long, with nothing outside to wait for, is stuck: ms. */
const stuckAfter = 10 * 60_000

/** Answers the probes: which part works, and if not, why. */
export class Health {
  private source: Pick<KafkaSource, 'health'> | null = null
  private sink: Pick<KafkaSink, 'reason'> | null = null
  private topics: string | null = 'connecting'
  private store: Pick<Store, 'trouble'> | null = null
  private storeFailure: string | null = null
  private others: Pick<ServicePorts, 'readiness' | 'liveness'> | null = null
  private stopping = false
  private readonly inWork = new Set<{ readonly since: number }>()

  /** The streams are made. */
  streams(source: Pick<KafkaSource, 'health'>, sink: Pick<KafkaSink, 'reason'>): void {
    this.source = source
    this.sink = sink
  }

  /** The store is open. */
  opened(store: Pick<Store, 'trouble'>): void {
    this.store = store
  }

  /** Why the output topics are not there yet; null when they are. */
  outputTopics(reason: string | null): void {
    this.topics = reason
  }

  /** Others do the work, and know how it goes. */
  delegate(others: Pick<ServicePorts, 'readiness' | 'liveness'>): void {
    this.others = others
  }

  /** The service is about to end. */
  stop(): void {
    this.stopping = true
  }

  /** Follows a batch from its beginning to its end. */
  async follow<T>(work: () => Promise<T>): Promise<T> {
    const batch = { since: performance.now() }
    this.inWork.add(batch)
    try {
      const result = await work()
      this.storeFailure = null
      return result
    } catch (thrown) {
      const { code } = thrown as HieraxError
      if (code === 'STORE_FAILED' || code === 'STORE_REFUSED') this.storeFailure = 'writes fail'
      throw thrown
    } finally {
      this.inWork.delete(batch)
    }
  }

  readonly readiness: ServicePorts['readiness'] = () => {
    const store = partState(this.storeReason())
    if (!this.others) return { consumer: this.consumer(), producer: this.producer(), store, model: ready }
    const theirs = this.others.readiness()
    return {
      ...theirs,
      consumer: this.stopping ? this.consumer() : theirs.consumer,
      store: store.ready ? theirs.store : store
    }
  }

  readonly liveness: ServicePorts['liveness'] = () => {
    if (this.others) return this.others.liveness()
    const waits = this.producer().ready ? this.storeReason() : this.producer().reason
    if (waits !== null) return { ok: true, reason: `waiting: ${waits}` }
    const oldest = Math.min(...[...this.inWork].map(batch => batch.since))
    const stuck = performance.now() - oldest > stuckAfter
    return stuck
      ? { ok: false, reason: 'a batch is stuck' }
      : { ok: true, reason: this.inWork.size > 0 ? 'working' : 'waiting' }
  }

  private consumer(): PartState {
    if (this.stopping) return { ready: false, reason: 'stopping' }
    const { ready, reason } = this.source?.health() ?? { ready: false, reason: 'connecting' }
    return { ready, reason: reason ?? 'running' }
  }

  private producer(): PartState {
    return partState(this.topics ?? this.sink?.reason() ?? null)
  }

  private storeReason(): string | null {
    return this.store?.trouble() ?? this.storeFailure
  }
}

const ready: PartState = { ready: true, reason: 'running' }

function partState(reason: string | null): PartState {
  return reason === null ? ready : { ready: false, reason }
}
