import { cpuSecondsOf } from '../service/cpu-time.ts'

/** Pause between two looks at the processes, ms. */
const pause = 10
/** Unused time that a process may catch up on, s: it may have waited for others. */
const mostCredit = 0.1

/**
 * Credit of a process that may use a share of a core: grows with time up to 0.1 s, shrinks with the CPU time that the process uses. It may run
 * while the credit is positive.
 */
export class CoreCredit {
  readonly #share: number
  #used: number
  #credit = 0

  /** @param share of one core, 0–1 @param used CPU time so far, s */
  constructor(share: number, used: number) {
    this.#share = share
    this.#used = used
  }

  /** After `elapsed` s, with `used` s of CPU time since the process began: whether it may run. */
  mayRun(elapsed: number, used: number): boolean {
    this.#credit = Math.min(mostCredit, this.#credit + this.#share * elapsed - (used - this.#used))
    this.#used = used
    return this.#credit > 0
  }
}

/**
 * Holds each of some processes to a share of a core, all threads together: stops it (SIGSTOP) when it has used its share, and continues it
 * (SIGCONT) when time has passed. Needs no privileges. Returns a function that lets them run freely.
 */
export function limitCores(pids: readonly number[], share: number): () => void {
  const members = pids.map(pid => ({ pid, credit: new CoreCredit(share, cpuSecondsOf(pid)), isStopped: false }))
  const set = (member: (typeof members)[number], isStopped: boolean) => {
    if (member.isStopped === isStopped) return
    member.isStopped = isStopped
    process.kill(member.pid, isStopped ? 'SIGSTOP' : 'SIGCONT')
  }
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    const elapsed = (now - last) / 1000
    last = now
    for (const member of members) set(member, !member.credit.mayRun(elapsed, cpuSecondsOf(member.pid)))
  }, pause)
  return () => {
    clearInterval(timer)
    for (const member of members) set(member, false)
  }
}
