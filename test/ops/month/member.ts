import { MemoryStore } from '../../../src/lightcurves/stores/memory.ts'
import { Pipeline } from '../../../src/pipeline.ts'
import { Metrics } from '../../../src/telemetry/metrics.ts'
import { admission, messages, output } from '../../support/pipeline.ts'
import type { Conditions } from './conditions.ts'
import type { Survey } from './survey.ts'

/** A partition of a topic: where the survey writes and where the group reads. */
export interface Partition {
  readonly topic: string
  readonly number: number
  end: number
  next: number
}

/** One process of the service: the real pipeline and metrics, between a fake Kafka and a fake network. */
export class Member {
  readonly instance: string
  readonly metrics = new Metrics({ process: false })
  readonly #began = Date.now()
  readonly #pipeline: Pipeline

  constructor(instance: string, survey: Survey) {
    this.instance = instance
    this.#pipeline = new Pipeline({
      decode: survey.decode,
      store: new MemoryStore(),
      classifiers: [survey.classifier],
      sink: { send: async () => {}, close: async () => {} },
      admission,
      output,
      onBatch: stats => this.metrics.batch(stats)
    })
    this.metrics.models([survey.classifier])
    this.metrics.progress()
  }

  /** Consumes for some hours, as far as the conditions permit. */
  async consume(owned: readonly Partition[], conditions: Conditions, hours: number): Promise<void> {
    const { inputReady, outputReady, storeReady, capacity, stuck } = conditions
    const works = inputReady && outputReady && storeReady
    const share = works ? Math.ceil((capacity * hours) / Math.max(1, owned.length)) : 0
    for (const partition of owned) {
      const count = stuck.includes(partition.number) ? 0 : Math.min(share, partition.end - partition.next)
      if (count === 0) continue
      const packets = messages(Array(count).fill('packet'), partition.next)
      const arrived = { topic: partition.topic, ingested: Date.now() }
      await this.#pipeline.process(packets.map(packet => ({ ...packet, ...arrived })))
      partition.next += count
    }
    if (!outputReady) this.metrics.increment('publish_retries_total')
  }

  /** Reports what the source and the health checks of the service report. */
  report(partitions: readonly Partition[], owned: readonly Partition[], conditions: Conditions): void {
    this.metrics.inputTopics([...new Set(partitions.map(({ topic }) => topic))])
    for (const partition of partitions) {
      const { topic, number, end, next } = partition
      const mine = owned.includes(partition)
      this.metrics.partition({
        topic,
        partition: number,
        lag: mine ? end - next : -1,
        next: mine ? BigInt(next) : null,
        held: false
      })
    }
    const state = (ready: boolean) => ({ ready })
    this.metrics.ready({
      consumer: state(conditions.inputReady),
      producer: state(conditions.outputReady),
      store: state(conditions.storeReady),
      model: state(true)
    })
    this.metrics.set('tensors', conditions.tensors)
  }

  /** The metrics of its page that have these names, scraped at `at` (epoch s), as samples in OpenMetrics' format. */
  async page(names: ReadonlySet<string>, at: number): Promise<string> {
    const target = `job="hierax",instance="${this.instance}"`
    const lines = [`process_start_time_seconds{${target}} ${this.#began / 1000} ${at}`]
    for (const { name, values } of await this.metrics.values()) {
      for (const { metricName, labels, value } of values as { metricName?: string; labels: object; value: number }[]) {
        if (!names.has(metricName ?? name)) continue
        const own = Object.entries(labels).map(([label, text]) => `,${label}="${text}"`)
        lines.push(`${metricName ?? name}{${target}${own.join('')}} ${value} ${at}`)
      }
    }
    return lines.join('\n')
  }
}
