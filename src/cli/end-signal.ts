import { endProcess } from '../process-end.ts'

/** npm forwards a Ctrl-C that its child has received already: a signal that follows so soon is the same one, ms. */
const sameKeystroke = 500

/**
 * Aborted by the first Ctrl-C or SIGTERM. A second one ends the process at once; child processes end by themselves.
 *
 * @param onFirst called with the first signal
 */
export function endSignal(onFirst: () => void = () => {}): AbortSignal {
  const controller = new AbortController()
  let first = 0
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted && performance.now() - first > sameKeystroke) endProcess(130)
      if (controller.signal.aborted) return
      first = performance.now()
      onFirst()
      controller.abort()
    })
  }
  return controller.signal
}
