import { inspect } from 'node:util'

/** Longest wait for writes in progress, ms. */
const patience = 5000

/** Begins nothing more; resolves with whether this process can exit by itself. */
type Settle = () => Promise<boolean>

const held = new Set<Settle>()
let ending = false

/**
 * Makes {@link endProcess} wait for writes that native threads do together with the event loop: `process.exit` stops the event loop, and
 * then waits for those threads forever. Returns a function that takes this back.
 */
export function holdProcessEnd(settle: Settle): () => void {
  held.add(settle)
  return () => void held.delete(settle)
}

/**
 * Ends this process with an exit code, once the writes in progress have ended. If they don't end within 5 s, the process is killed.
 * Only the first call counts.
 *
 * @param code `process.exitCode` if it is not given
 */
export function endProcess(code?: number): void {
  if (ending) return
  ending = true
  if (held.size === 0) process.exit(code)
  const kill = () => process.kill(process.pid, 'SIGKILL')
  setTimeout(kill, patience)
  Promise.all([...held].map(settle => settle())).then(
    ended => (ended.every(Boolean) ? process.exit(code) : kill()),
    kill
  )
}

/** Prints an error that nobody handled, and ends the process with 1. Node itself would end it by `process.exit`. */
export function endAfterUnhandledErrors(): void {
  process.on('uncaughtException', thrown => {
    process.stderr.write(`${inspect(thrown)}\n`)
    endProcess(1)
  })
}
