#!/usr/bin/env node
import { run } from './program.ts'

// A reader that has seen enough (`hierax classify … | head`) ends the command quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

// Not `process.exit`: what is still being written to a pipe must get there.
process.exitCode = await run(process.argv.slice(2))
