#!/usr/bin/env node
import { describeError, HieraxError } from '../errors.ts'
import { endAfterUnhandledErrors, endProcess } from '../process-end.ts'
import { run } from './program.ts'

endAfterUnhandledErrors()

// A reader that has seen enough (`hierax classify … | head`) ends the command quietly: at once, or by itself where it
// listens to the signal that such a reader sends (which Node keeps from us).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' && process.listenerCount('SIGPIPE') > 0) return void process.emit('SIGPIPE', 'SIGPIPE')
  if (error.code === 'EPIPE') return endProcess(0)
  process.stderr.write(`${describeError(new HieraxError('OUTPUT_FAILED', `standard output: ${error.message}`))}\n`)
  endProcess(1)
})
process.stderr.on('error', () => endProcess(1))

// Not `process.exit`: what is still being written to a pipe must get there.
process.exitCode = await run(process.argv.slice(2))
