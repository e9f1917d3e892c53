/**
 * `hierax serve` with a bug: a packet that contains the text `POISON` aborts the process while it is decoded, like a bug in
 * native code. Settings come from the environment.
 */
import { createDecoder } from '../../src/alerts/decoder.ts'
import { startService } from '../../src/app/start-service.ts'
import { endSignal } from '../../src/cli/end-signal.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createLogger } from '../../src/telemetry/logger.ts'

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
