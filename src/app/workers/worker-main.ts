/**
 * A worker: the service without HTTP, told by its parent what to do over the channel between them. It ends when it is told
 * to, by SIGTERM or SIGINT, and when its parent is no more.
 */
import { HieraxError } from '../../errors.ts'
import { toJson } from '../../messages/encoding.ts'
import { createLogger } from '../../telemetry/logger.ts'
import { Hierax } from '../hierax.ts'
import type { FromWorker, ToWorker } from './messages.ts'

/** How often it says how it does, ms. */
const every = 1000

/** Null within: it could not be started. */
let hierax: Promise<Hierax | null> | null = null
let ending = false

process.on('message', (message: ToWorker) => {
  if (message.type === 'start') hierax = begin(message)
  else if (message.type === 'ask') void hierax?.then(tell)
  else void end(0)
})
process.on('disconnect', () => void end(0))
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(0))

async function begin({ worker, config }: Extract<ToWorker, { type: 'start' }>): Promise<Hierax | null> {
  const logger = createLogger({ level: config.log.level, base: { worker } })
  try {
    const started = await Hierax.start(config, {
      logger,
      http: false,
      onClassifications: bodies => send({ type: 'classifications', bodies: bodies.map(toJson) })
    })
    started.ended.then(
      () => end(0),
      error => fail(error)
    )
    void tell(started)
    setInterval(() => void tell(started), every)
    return started
  } catch (error) {
    void fail(error)
    return null
  }
}

async function tell(started: Hierax | null): Promise<void> {
  if (started) send({ type: 'state', ...(await started.state()) })
}

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, {}, () => {})
}

async function fail(thrown: unknown): Promise<void> {
  const { code, message } = HieraxError.from(thrown)
  send({ type: 'failed', code, message })
  await end(1)
}

async function end(exitCode: number): Promise<void> {
  if (ending) return
  ending = true
  const started = (await hierax) ?? null
  await started?.stop()
  await tell(started)
  // What was sent last must get there; nothing else is left to do.
  setTimeout(() => process.exit(exitCode), 50)
}
