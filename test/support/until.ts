import { setTimeout as sleep } from 'node:timers/promises'

/** How long tests wait for a condition. It only matters when a test fails, so it suits the slowest machine. */
export const patienceMs = 300_000

/** Waits until `done` returns true; throws after `limitMs`. */
export async function until(done: () => boolean | Promise<boolean>, limitMs = patienceMs): Promise<void> {
  for (const began = performance.now(); !(await done()); await sleep(20))
    if (performance.now() - began > limitMs) throw new Error(`Waited ${limitMs / 1000} s for: ${done}`)
}
