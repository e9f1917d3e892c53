import fs from 'node:fs'
import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import type { ServiceProcess } from '../../../../test/support/service.ts'
import { total } from '../../../../test/support/service.ts'

/** A service's resource usage at one moment, from its metrics and the kernel. */
export interface Sample {
  /** Minutes since the start. */
  readonly minutes: number
  /** Outcomes so far, and the rate since the sample before, 1/s. */
  readonly alerts: number
  readonly rate: number
  /** Resident memory, and its part without file-backed pages (the store is memory-mapped); MB. */
  readonly rss: number
  readonly anonymous: number
  /** JavaScript heap in use, and buffers outside it; MB. */
  readonly heap: number
  readonly external: number
  readonly tensors: number
  /** Node's open sockets, timers and other handles. */
  readonly handles: number
  readonly requests: number
  /** Of the event loop since the sample before: mean and longest delay, ms. */
  readonly loopMean: number
  readonly loopLongest: number
  /** Unread messages of the input topic. */
  readonly lag: number
  readonly storeMegabytes: number
  readonly storeObjects: number
}

export class Sampler {
  readonly #service: ServiceProcess
  readonly #began = performance.now()
  #last = { at: performance.now(), alerts: 0 }

  constructor(service: ServiceProcess) {
    this.#service = service
  }

  async take(): Promise<Sample> {
    const metrics = await this.#service.metrics()
    const at = performance.now()
    const alerts = total(metrics, 'hierax_outcomes_total')
    const rate = ((alerts - this.#last.alerts) / (at - this.#last.at)) * 1000
    this.#last = { at, alerts }
    const megabytes = (name: string): number => rounded(total(metrics, name) / 1e6, 1)
    return {
      minutes: rounded((at - this.#began) / 60_000, 2),
      alerts,
      rate: rounded(rate, 0),
      rss: megabytes('process_resident_memory_bytes'),
      anonymous: rounded(anonymousBytes(this.#service.child.pid ?? 0) / 1e6, 1),
      heap: megabytes('nodejs_heap_size_used_bytes'),
      external: megabytes('nodejs_external_memory_bytes'),
      tensors: total(metrics, 'hierax_tensors'),
      handles: total(metrics, 'nodejs_active_handles_total'),
      requests: total(metrics, 'nodejs_active_requests_total'),
      loopMean: rounded(total(metrics, 'nodejs_eventloop_lag_mean_seconds') * 1000, 1),
      loopLongest: rounded(total(metrics, 'nodejs_eventloop_lag_max_seconds') * 1000, 1),
      lag: total(metrics, 'hierax_consumer_lag'),
      storeMegabytes: megabytes('hierax_store_bytes'),
      storeObjects: total(metrics, 'hierax_store_objects')
    }
  }
}

/** Anonymous resident memory, bytes; NaN without /proc. */
function anonymousBytes(pid: number): number {
  try {
    const kilobytes = /^RssAnon:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? Number.NaN : Number(kilobytes) * 1024
  } catch {
    return Number.NaN
  }
}
