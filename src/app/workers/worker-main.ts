/**
 * A worker process: the service without HTTP, controlled by its parent over the IPC channel. It ends on request of its parent, on
 * SIGTERM or SIGINT, and when its parent has ended.
 */
import { HieraxError } from '../../errors.ts'
import { toJson } from '../../messages/encoding.ts'
import { endAfterUnhandledErrors, endProcess } from '../../process-end.ts'
import { createLogger } from '../../telemetry/logger.ts'
import { type RunningService, startService } from '../start-service.ts'
import type { FromWorker, ToWorker } from './worker-process.ts'

/** How often it sends its state, ms. */
const stateEvery = 1000

/** Resolves with null if it could not be started. */
let service: Promise<RunningService | null> | null = null
let ending = false

endAfterUnhandledErrors()

process.on('message', (message: ToWorker) => {
  if (message.type === 'start') service = begin(message)
  else if (message.type === 'ask') void service?.then(sendState)
  else void end(0)
})
process.on('disconnect', () => void end(0))
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(0))

async function begin({ worker, config }: Extract<ToWorker, { type: 'start' }>): Promise<RunningService | null> {
  const logger = createLogger({ level: config.log.level, base: { worker } })
  try {
    const started = await startService(config, {
      logger,
      http: false,
      onClassifications: bodies => send({ type: 'classifications', bodies: bodies.map(toJson) }),
      onShadow: result => send({ type: 'shadow', result })
    })
    started.ended.then(
      () => end(0),
      error => fail(error)
    )
    void sendState(started)
    setInterval(() => void sendState(started), stateEvery)
    return started
  } catch (error) {
    void fail(error)
    return null
  }
}

async function sendState(started: RunningService | null): Promise<void> {
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
  const started = (await service) ?? null
  await started?.stop()
  await sendState(started)
  // The last messages must be delivered; nothing else is left to do.
  setTimeout(() => endProcess(exitCode), 50)
}
