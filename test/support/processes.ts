import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Processes whose environment contains `TEST_RUN=runId`; on Linux only. */
function processesOf(runId: string): { pid: number; command: string }[] {
  if (!fs.existsSync('/proc/self/environ')) return []
  const found: { pid: number; command: string }[] = []
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    try {
      const environment = fs.readFileSync(`/proc/${name}/environ`, 'utf8').split('\0')
      if (!environment.includes(`TEST_RUN=${runId}`)) continue
      const command = fs.readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
      // A zombie process has no command line.
      if (command !== '') found.push({ pid: Number(name), command: command.slice(0, 120) })
    } catch {
      // It has ended, or belongs to another user.
    }
  }
  return found
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

/** Kills every process of the run that lives longer than `limitMs`. */
export function watchHung(runId: string, limitMs: number): NodeJS.Timeout {
  const seen = new Map<number, number>()
  const check = () => {
    const now = Date.now()
    for (const { pid, command } of processesOf(runId)) {
      const since = seen.get(pid) ?? now
      seen.set(pid, since)
      if (now - since < limitMs) continue
      console.log(`Killed, because it hangs: ${command}`)
      end(pid)
    }
  }
  return setInterval(check, 5000).unref()
}

/** Kills and reports processes that a run left behind, after a grace period. */
export async function endProcesses(runId: string, graceMs = 3000): Promise<void> {
  for (const began = Date.now(); processesOf(runId).length > 0 && Date.now() - began < graceMs; ) await sleep(100)
  for (const { pid, command } of processesOf(runId)) {
    console.log(`Left running by a test, killed: ${command}`)
    end(pid)
  }
}
