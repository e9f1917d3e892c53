/** Longest time that a loop holds the event loop by default, ms. */
const defaultHold = 20

/**
 * Cooperative scheduling: makes a function for a long loop to await in every turn. It lets other tasks run when the loop has held
 * the event loop for longer than `maxHold` ms, and else returns null: there is nothing to wait for, and a loop with many short turns
 * goes on without an `await`.
 */
export function createYield(maxHold: number = defaultHold): () => Promise<void> | null {
  let since = performance.now()
  const pause = async (): Promise<void> => {
    await new Promise(resolve => setImmediate(resolve))
    since = performance.now()
  }
  return function yieldIfBusy(): Promise<void> | null {
    return performance.now() - since < maxHold ? null : pause()
  }
}
