import { setTimeout as sleep } from 'node:timers/promises'

/** How long tests wait for a condition. It only matters when a test fails, so it suits the slowest machine. */
export const patienceMs = 300_000

/** Longest pause between two checks, ms. A check often costs a request, and the service and the broker need the processor more. */
const longestPauseMs = 250

/** Waits until `done` returns true, checking less often the longer it takes; throws with `what` after `limitMs`. */
export async function until(
  done: () => boolean | Promise<boolean>,
  limitMs = patienceMs,
  what: () => string = () => String(done)
): Promise<void> {
  const began = performance.now()
  for (let pauseMs = 20; !(await done()); pauseMs = Math.min(longestPauseMs, 1.2 * pauseMs)) {
    if (performance.now() - began > limitMs) throw new Error(`Waited ${limitMs / 1000} s for ${what()}`)
    await sleep(pauseMs)
  }
}
