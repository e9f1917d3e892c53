import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Processes whose environment carries `TEST_RUN=runId`; known on Linux only. */
function processesOf(runId: string): { pid: number; command: string }[] {
  if (!fs.existsSync('/proc/self/environ')) return []
  const found: { pid: number; command: string }[] = []
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    try {
      const environment = fs.readFileSync(`/proc/${name}/environ`, 'utf8').split('\0')
      if (!environment.includes(`TEST_RUN=${runId}`)) continue
      const command = fs.readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
      // A process that has ended and waits to be noticed has no command line.
      if (command !== '') found.push({ pid: Number(name), command: command.slice(0, 120) })
    } catch {
      // It ended meanwhile, or belongs to somebody else.
    }
  }
  return found
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}

/** Ends every process of the run that lives longer than `limitMs`: even one that ignores being told to stop. */
export function watchHung(runId: string, limitMs: number): NodeJS.Timeout {
  const seen = new Map<number, number>()
  const look = () => {
    const now = Date.now()
    for (const { pid, command } of processesOf(runId)) {
      const since = seen.get(pid) ?? now
      seen.set(pid, since)
      if (now - since < limitMs) continue
      console.log(`Ended, because it hangs: ${command}`)
      end(pid)
    }
  }
  return setInterval(look, 5000).unref()
}

/** Ends what a run left behind, after a moment's grace, and names it. */
export async function endProcesses(runId: string, graceMs = 3000): Promise<void> {
  for (const began = Date.now(); processesOf(runId).length > 0 && Date.now() - began < graceMs; ) await sleep(100)
  for (const { pid, command } of processesOf(runId)) {
    console.log(`Left running by a test, and ended: ${command}`)
    end(pid)
  }
}
