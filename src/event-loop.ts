/** Longest time that a loop holds the event loop by default, ms. */
const defaultHold = 20

/**
 * Cooperative scheduling: makes a function for a long loop to await in every turn. It lets other tasks run when the loop has held
 * the event loop for longer than `maxHold` ms, and else returns at once.
 */
export function createYield(maxHold: number = defaultHold): () => Promise<void> {
  let since = performance.now()
  const pause = async (): Promise<void> => {
    await new Promise(resolve => setImmediate(resolve))
    since = performance.now()
  }
  return function yieldIfBusy(): Promise<void> {
    return performance.now() - since < maxHold ? done : pause()
  }
}

/** Shared: loops ask for every alert, several times. */
const done = Promise.resolve()
