import type { HieraxError } from '../errors.ts'
import type { Store } from '../lightcurves/stores/store.ts'
import type { ServicePorts } from '../service/ports.ts'
import type { PartState } from '../service/schemas.ts'
import type { KafkaSink } from '../streams/kafka/sink.ts'
import type { KafkaSource } from '../streams/kafka/source.ts'
import { Progress } from './progress.ts'

/** Answers the probes: which part works, and if not, why. */
export class Health {
  private source: Pick<KafkaSource, 'health'> | null = null
  private sink: Pick<KafkaSink, 'reason'> | null = null
  private topics: string | null = 'connecting'
  private store: Pick<Store, 'trouble' | 'lost'> | null = null
  private storeFailure: string | null = null
  private others: Pick<ServicePorts, 'readiness' | 'liveness'> | null = null
  private stopping = false
  private inWork = 0
  private readonly progress: Progress

  constructor(now?: () => number) {
    const circumstances = () => ({
      working: this.inWork > 0,
      unread: !this.consumer().ready,
      waits: this.stopping || this.waitsFor() !== null
    })
    this.progress = new Progress(circumstances, now)
  }

  /** The streams are made. */
  streams(source: Pick<KafkaSource, 'health'>, sink: Pick<KafkaSink, 'reason'>): void {
    this.source = source
    this.sink = sink
  }

  /** The store is open. */
  opened(store: Pick<Store, 'trouble' | 'lost'>): void {
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
    this.progress.close()
  }

  /** Alerts have got their outcome. */
  progressed(): void {
    this.progress.made()
  }

  /** Messages of a partition that wait; −1: it is another process's. `held`: older nights come first. */
  lag(topic: string, partition: number, messages: number, held = false): void {
    this.progress.lag(topic, partition, messages, held)
  }

  /** Follows a batch from its beginning to its end. */
  async follow<T>(work: () => Promise<T>): Promise<T> {
    // Until now there may have been nothing to do.
    if (this.inWork === 0) this.progress.stuck()
    this.inWork++
    try {
      const result = await work()
      this.progressed()
      this.storeFailure = null
      return result
    } catch (thrown) {
      const { code } = thrown as HieraxError
      if (code === 'STORE_FAILED' || code === 'STORE_REFUSED') this.storeFailure = 'writes fail'
      throw thrown
    } finally {
      this.inWork--
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
    // LMDB gave its files up: no waiting helps, a new process does.
    if (this.store?.lost?.()) return { ok: false, reason: 'the store must be opened anew' }
    if (this.progress.stuck())
      return { ok: false, reason: this.inWork > 0 ? 'a batch is stuck' : 'messages wait unread' }
    const waits = this.waitsFor()
    if (waits !== null) return { ok: true, reason: `waiting: ${waits}` }
    return { ok: true, reason: this.inWork > 0 ? 'working' : 'waiting' }
  }

  /** What of the world outside can't be written to; null where nothing is known. */
  private waitsFor(): string | null {
    const { ready, reason } = this.producer()
    return ready ? this.storeReason() : reason
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
