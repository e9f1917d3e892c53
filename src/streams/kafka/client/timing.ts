import { setTimeout as sleep } from 'node:timers/promises'

/** Waits `ms`, or until the signal is aborted. Never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

/** Exponential back-off, ms: the pause after the nth failure in a row (n from 1), doubling from `first` up to `longest`. */
export function backoff(failures: number, first = 100, longest = 2000): number {
  return Math.min(first * 2 ** (failures - 1), longest)
}

/** The promise, or a rejection after `ms` named RequestTimeout, which tells a silent cluster from a fault. */
export async function withTimeout<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(Object.assign(new Error(`no answer within ${ms} ms`), { name: 'RequestTimeout' }))
    }, ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
