import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startService } from 'hierax/app/start-service.ts'
import type { Streams, StreamsFactory } from 'hierax/app/streams.ts'
import { loadConfig } from 'hierax/config/load.ts'
import { chunks } from 'hierax/streams/kafka/session.ts'
import type { BatchHandler, InputMessage, OutputMessage } from 'hierax/streams/types.ts'
import { createLogger } from 'hierax/telemetry/logger.ts'
import { type Frame, readBatches } from './frames.ts'
import { Ledger } from './ledger.ts'
import { Watch, type Watched } from './watch.ts'

/** What is tried. */
export interface TrialOptions {
  readonly seed: number
  readonly packets: number
  /** The trial ends after so many seconds, or after so many batches. */
  readonly seconds?: number
  readonly batches?: number
  readonly clean: boolean
  readonly recipe?: string
  readonly progress?: (packets: number, watched: Watched) => void
}

/** What came of it. */
export interface TrialResult {
  readonly ledger: Ledger
  readonly watched: Watched
  readonly batches: number
  readonly hostile: number
  readonly real: number
  readonly seconds: number
  /** Digests of the messages about real objects, in order. */
  readonly answers: readonly string[]
  readonly logBytes: number
  readonly longestLine: number
}

/** As many bytes as the Kafka source hands on at once. */
const chunkBytes = 16 * 2 ** 20
const topic = 'hostile'

/** Runs the whole service, with LMDB and the bundled model, on batches that another process makes. */
export async function trial(options: TrialOptions): Promise<TrialResult> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-fuzz-'))
  const offer = offering(options)
  const run = new Run(options, offer)
  const log = { bytes: 0, longest: 0 }
  const logger = createLogger({
    level: 'warn',
    stream: {
      write(line) {
        log.bytes += line.length
        log.longest = Math.max(log.longest, line.length)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        if (/[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]/.test(line))
          run.ledger.wrong('a control character reached the log')
      }
    }
  })
  try {
    const config = loadConfig({
      env: { HIERAX_STORE_URL: `lmdb:${folder}/store`, HIERAX_HTTP_PORT: '0', HIERAX_INPUT_TOPICS: topic },
      overrides: {}
    })
    const hierax = await startService(config, { logger, connect: run.connect })
    const watch = new Watch(() => run.inWork)
    run.watch = watch
    const began = performance.now()
    await hierax.ended
    const seconds = (performance.now() - began) / 1000
    const watched = watch.end()
    await run.ledger.compareMetrics(await (await fetch(`${hierax.address}/metrics`)).text())
    await hierax.stop()
    const { ledger, batches, hostile, real, answers } = run
    return { ledger, watched, batches, hostile, real, seconds, answers, logBytes: log.bytes, longestLine: log.longest }
  } finally {
    offer.kill()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function offering({ seed, packets, clean, recipe }: TrialOptions): ChildProcess {
  const script = fileURLToPath(new URL('./offer.ts', import.meta.url))
  const args = ['--conditions=source', '--import', 'tsx', script, '--seed', String(seed), '--packets', String(packets)]
  if (clean) args.push('--clean')
  if (recipe !== undefined) args.push('--recipe', recipe)
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Input and output of the service under trial. */
class Run {
  readonly ledger = new Ledger()
  readonly answers: string[] = []
  batches = 0
  hostile = 0
  real = 0
  inWork = ''
  watch: Watch | null = null
  readonly #options: TrialOptions
  readonly #offer: ChildProcess
  #offset = 0

  constructor(options: TrialOptions, offer: ChildProcess) {
    this.#options = options
    this.#offer = offer
  }

  readonly connect: StreamsFactory = (): Streams => {
    const ready = { ready: true, reason: 'running' }
    return {
      health: () => ({ consumer: ready, producer: ready }),
      sink: { send: async messages => this.#sent(messages), close: async () => {} },
      run: handler => this.#deliver(handler),
      stop: async () => {}
    }
  }

  async #deliver(handler: BatchHandler): Promise<void> {
    const { seconds = Number.POSITIVE_INFINITY, batches = Number.POSITIVE_INFINITY, progress } = this.#options
    const until = performance.now() + 1000 * seconds
    let told = performance.now()
    for await (const frames of readBatches(this.#offer.stdout as NodeJS.ReadableStream as never)) {
      for (const chunk of chunks(frames, { chunkMessages: Number.POSITIVE_INFINITY, chunkBytes }))
        await this.#hand(chunk, handler)
      this.batches++
      if (performance.now() - told > 10_000 && this.watch) {
        progress?.(this.hostile, this.watch.seen)
        told = performance.now()
      }
      if (this.batches >= batches || performance.now() > until) return
    }
    if (this.hostile < (this.#options.clean ? 0 : this.#options.packets))
      this.ledger.wrong('the packets ended too early')
  }

  async #hand(frames: readonly Frame[], handler: BatchHandler): Promise<void> {
    const messages = frames.map((frame): InputMessage => {
      if (frame.recipe === null) this.real++
      else this.hostile++
      return { topic, value: frame.value, source: `${topic}/0/${this.#offset++}`, ingested: Date.now() }
    })
    const names = frames.map(frame => frame.recipe ?? 'a real alert')
    this.inWork = [...new Set(names)].join(', ')
    this.ledger.begin(messages, names)
    try {
      await handler(messages, { heartbeat: async () => {}, signal: new AbortController().signal })
    } catch (error) {
      this.ledger.wrong(`the handler rejected: ${String(error)}`)
    }
    this.ledger.end()
  }

  #sent(messages: readonly OutputMessage[]): void {
    this.ledger.sent(messages)
    for (const { key, value, headers } of messages) {
      if (key === null || key.startsWith('FUZ') || !key.startsWith('ZTF')) continue
      this.answers.push(`${headers.id} ${createHash('sha256').update(value).digest('hex')}`)
    }
  }
}
