import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until `done` returns true; throws after `limitMs`. */
export async function until(done: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  for (const began = Date.now(); !(await done()); await sleep(20))
    if (Date.now() - began > limitMs) throw new Error(`Waited ${limitMs / 1000} s for: ${done}`)
}
