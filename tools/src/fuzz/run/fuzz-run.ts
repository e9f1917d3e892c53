import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { startService } from 'hierax/app/start-service.ts'
import type { Streams, StreamsFactory } from 'hierax/app/streams.ts'
import { loadConfig } from 'hierax/config/load.ts'
import { chunks } from 'hierax/streams/kafka/consumer/batches.ts'
import type { BatchHandler, InputMessage, OutputMessage } from 'hierax/streams/types.ts'
import { createLogger } from 'hierax/telemetry/logger.ts'
import { spawnSource } from '../../spawn-source.ts'
import { type Frame, readBatches } from './frames.ts'
import { Ledger } from './ledger.ts'
import { type Maxima, ProcessMonitor } from './process-monitor.ts'

export interface FuzzOptions {
  readonly seed: number
  readonly packets: number
  /** Time limit in seconds, and limit of batches. */
  readonly seconds?: number
  readonly batches?: number
  /** Real alerts only. */
  readonly clean: boolean
  /** Only hostile packets of this recipe. */
  readonly recipe?: string
  readonly progress?: (packets: number, maxima: Maxima) => void
}

export interface FuzzResult {
  readonly ledger: Ledger
  readonly maxima: Maxima
  readonly batches: number
  readonly hostile: number
  readonly real: number
  readonly seconds: number
  /** Digests of the messages about real objects, in order. */
  readonly digests: readonly string[]
  readonly logBytes: number
  readonly longestLine: number
}

/** Bytes that the Kafka source delivers at once. */
const chunkBytes = 16 * 2 ** 20
const topic = 'hostile'

/** Runs the whole service, with LMDB and the bundled model, on batches from another process. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { seed, packets, clean, recipe } = options
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-fuzz-'))
  const offer = spawnSource(new URL('./offer.ts', import.meta.url), [
    ...['--seed', seed, '--packets', packets],
    ...(clean ? ['--clean'] : []),
    ...(recipe === undefined ? [] : ['--recipe', recipe])
  ])
  const streams = new FuzzStreams(options, offer.stdout)
  const log = { bytes: 0, longest: 0 }
  const logger = createLogger({
    level: 'warn',
    stream: {
      write(line) {
        log.bytes += line.length
        log.longest = Math.max(log.longest, line.length)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: the log must not contain them
        if (/[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]/.test(line))
          streams.ledger.report('a control character reached the log')
      }
    }
  })
  try {
    const config = loadConfig({
      env: { HIERAX_STORE_URL: `lmdb:${folder}/store`, HIERAX_HTTP_PORT: '0', HIERAX_INPUT_TOPICS: topic },
      overrides: {}
    })
    const hierax = await startService(config, { logger, connect: streams.connect })
    const monitor = new ProcessMonitor(() => streams.inFlight)
    streams.monitor = monitor
    const began = performance.now()
    await hierax.ended
    const seconds = (performance.now() - began) / 1000
    const maxima = monitor.stop()
    streams.ledger.compareMetrics(await (await fetch(`${hierax.address}/metrics`)).text())
    await hierax.stop()
    const { ledger, batches, hostile, real, digests } = streams
    return { ledger, maxima, batches, hostile, real, seconds, digests, logBytes: log.bytes, longestLine: log.longest }
  } finally {
    offer.kill()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Input and output of the service under test. */
class FuzzStreams {
  readonly ledger = new Ledger()
  readonly digests: string[] = []
  batches = 0
  hostile = 0
  real = 0
  /** Recipes of the packets in flight. */
  inFlight = ''
  monitor: ProcessMonitor | null = null
  readonly #options: FuzzOptions
  readonly #packets: Readable
  #offset = 0

  constructor(options: FuzzOptions, packets: Readable) {
    this.#options = options
    this.#packets = packets
  }

  readonly connect: StreamsFactory = (): Streams => {
    const ready = { ready: true, reason: 'running' }
    return {
      health: () => ({ consumer: ready, producer: ready }),
      sink: { send: async messages => this.#sent(messages), close: async () => {} },
      run: handler => this.#run(handler),
      stop: async () => {}
    }
  }

  async #run(handler: BatchHandler): Promise<void> {
    const { seconds = Number.POSITIVE_INFINITY, batches = Number.POSITIVE_INFINITY, progress } = this.#options
    const until = performance.now() + 1000 * seconds
    let lastReport = performance.now()
    for await (const frames of readBatches(this.#packets)) {
      for (const chunk of chunks(frames, { chunkMessages: Number.POSITIVE_INFINITY, chunkBytes }))
        await this.#deliver(chunk, handler)
      this.batches++
      if (performance.now() - lastReport > 10_000 && this.monitor) {
        progress?.(this.hostile, this.monitor.maxima)
        lastReport = performance.now()
      }
      if (this.batches >= batches || performance.now() > until) return
    }
    if (this.hostile < (this.#options.clean ? 0 : this.#options.packets))
      this.ledger.report('the packets ended too early')
  }

  async #deliver(frames: readonly Frame[], handler: BatchHandler): Promise<void> {
    const messages = frames.map((frame): InputMessage => {
      if (frame.recipe === null) this.real++
      else this.hostile++
      return { topic, value: frame.value, key: frame.key, source: `${topic}/0/${this.#offset++}`, ingested: Date.now() }
    })
    const recipes = frames.map(frame => frame.recipe ?? 'a real alert')
    this.inFlight = [...new Set(recipes)].join(', ')
    this.ledger.begin(messages, recipes)
    try {
      await handler(messages, { heartbeat: async () => {}, signal: new AbortController().signal })
    } catch (error) {
      this.ledger.report(`the handler rejected: ${String(error)}`)
    }
    this.ledger.end()
  }

  #sent(messages: readonly OutputMessage[]): void {
    this.ledger.sent(messages)
    for (const { key, value, headers } of messages) {
      if (!key?.startsWith('ZTF')) continue
      this.digests.push(`${headers.id} ${createHash('sha256').update(value).digest('hex')}`)
    }
  }
}
