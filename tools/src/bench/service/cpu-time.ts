import fs from 'node:fs'

/** Clock ticks per second in /proc on every Linux that Node supports. */
const ticks = 100
/** CPU time of a process with all its threads, s. Throws if it has ended, or there is no /proc. */
export function cpuSecondsOf(pid: number): number {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The process name in parentheses may contain anything: count fields after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticks
}
