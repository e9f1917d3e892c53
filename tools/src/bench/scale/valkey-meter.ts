import { Redis } from 'iovalkey'
import type { ValkeyServer } from '../../../../test/support/valkey.ts'
import { growth, ProcessMeter } from '../service/process-meter.ts'

/** Counters of a Valkey server, by their names in `INFO`. */
const counters = {
  commands: 'total_commands_processed',
  bytesIn: 'total_net_input_bytes',
  bytesOut: 'total_net_output_bytes'
} as const

type Counter = keyof typeof counters
const names = Object.keys(counters) as Counter[]

/** Pause between two readings, ms. */
const interval = 200

/** Cached states of the network, which the service keeps apart from the objects. */
const statePattern = 'hierax:c:*'

/** Reads the counters of a Valkey server from time to time. */
export class ValkeyMeter {
  readonly #client: Redis
  readonly #process: ProcessMeter
  readonly #samples: ({ readonly at: number } & Readonly<Record<Counter, number>>)[] = []
  readonly #timer: NodeJS.Timeout
  #empty = Number.NaN

  private constructor(server: ValkeyServer) {
    this.#client = new Redis(server.port)
    this.#client.on('error', () => {}) // it ends with the server
    this.#process = new ProcessMeter(server.pid)
    this.#timer = setInterval(() => void this.#sample().catch(() => {}), interval)
  }

  /** The server holds nothing yet. */
  static async start(server: ValkeyServer): Promise<ValkeyMeter> {
    const meter = new ValkeyMeter(server)
    meter.#empty = await meter.#memory()
    return meter
  }

  /** Seconds of CPU time, commands and bytes between two moments (epoch ms). */
  between(from: number, to: number): { readonly cpuSeconds: number } & Readonly<Record<Counter, number>> {
    const [commands, bytesIn, bytesOut] = names.map(
      name =>
        growth(
          this.#samples.map(sample => ({ at: sample.at, value: sample[name] })),
          from,
          to
        ) ?? Number.NaN
    ) as [number, number, number]
    return { cpuSeconds: this.#process.cpuSeconds(from, to) ?? Number.NaN, commands, bytesIn, bytesOut }
  }

  /** Memory of the objects, and of their cached states, bytes. Removes the states. */
  async contents(): Promise<{ readonly objects: number; readonly states: number }> {
    const all = await this.#memory()
    for (let cursor = '0'; ; ) {
      const [next, keys] = await this.#client.scan(cursor, 'MATCH', statePattern, 'COUNT', 1000)
      if (keys.length > 0) await this.#client.del(...keys)
      cursor = next
      if (cursor === '0') break
    }
    const objects = await this.#memory()
    return { objects: objects - this.#empty, states: all - objects }
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#process.stop()
    this.#client.disconnect()
  }

  async #memory(): Promise<number> {
    return numberOf(await this.#client.info('memory'), 'used_memory')
  }

  async #sample(): Promise<void> {
    const info = await this.#client.info('stats')
    const [commands, bytesIn, bytesOut] = names.map(name => numberOf(info, counters[name])) as [number, number, number]
    this.#samples.push({ at: Date.now(), commands, bytesIn, bytesOut })
  }
}

function numberOf(info: string, field: string): number {
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1])
}
