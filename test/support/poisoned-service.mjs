/**
 * `hierax serve` with a bug: a packet that contains the text `POISON` aborts the process while it is decoded, like a bug in
 * native code. Settings come from the environment.
 */
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { startService } from 'hierax/app/start-service.ts'
import { endSignal } from 'hierax/cli/end-signal.ts'
import { loadConfig } from 'hierax/config/load.ts'
import { createLogger } from 'hierax/telemetry/logger.ts'

const decoder = createDecoder()
const ending = endSignal(() => {})
const service = await startService(loadConfig({ env: process.env, overrides: {} }), {
  logger: createLogger(),
  decode: bytes => {
    if (bytes && Buffer.from(bytes).includes('POISON')) process.abort()
    return decoder.decode(bytes)
  }
})
await new Promise(resolve => ending.addEventListener('abort', resolve, { once: true }))
await service.stop()
process.exit()
