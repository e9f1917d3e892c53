/** npm passes on the signal of a Ctrl-C that its child has got already: one that follows so soon is the same one, ms. */
const sameKeystroke = 500

/**
 * Aborted by the first Ctrl-C or SIGTERM. A second one ends the process at once, and what it started ends by itself.
 *
 * @param onFirst called with the first signal
 */
export function endSignal(onFirst: () => void): AbortSignal {
  const controller = new AbortController()
  let first = 0
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted && performance.now() - first > sameKeystroke) process.exit(130)
      if (controller.signal.aborted) return
      first = performance.now()
      onFirst()
      controller.abort()
    })
  }
  return controller.signal
}
