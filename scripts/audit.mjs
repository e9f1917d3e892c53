/**
 * `npm run audit:production`: known vulnerabilities of severity high or critical in what the service is shipped with. Exits with 1
 * when there are any. Where the registry does not tell (offline, or a mirror without advisories) it says so and exits with
 * 0: a build must not depend on somebody else's service.
 */
import { spawnSync } from 'node:child_process'

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--workspaces=false', '--json'], {
  encoding: 'utf8',
  timeout: 60_000
})

/** Counts by severity, or null where no answer came. */
function counts() {
  try {
    return JSON.parse(stdout).metadata?.vulnerabilities ?? null
  } catch {
    return null
  }
}

const found = counts()
if (found === null) {
  console.log('The registry gives no advisories here: dependencies were NOT audited.')
} else {
  console.log(
    Object.entries(found)
      .map(([severity, count]) => `${severity} ${count}`)
      .join(', ')
  )
  if (found.high + found.critical > 0) {
    spawnSync('npm', ['audit', '--omit=dev', '--workspaces=false'], { stdio: 'inherit' })
    process.exitCode = 1
  }
}
