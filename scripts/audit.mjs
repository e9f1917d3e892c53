/**
 * `npm run audit:production`: exits with 1 if the dependencies of the service have known vulnerabilities of severity high or
 * critical. If the registry provides no advisories (offline, or a mirror without them), it reports this and exits with 0: a build
 * must not depend on another service.
 */
import { spawnSync } from 'node:child_process'

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--workspaces=false', '--json'], {
  encoding: 'utf8',
  timeout: 60_000
})

/** Counts by severity; null without a response. */
function counts() {
  try {
    return JSON.parse(stdout).metadata?.vulnerabilities ?? null
  } catch {
    return null
  }
}

const found = counts()
if (found === null) {
  console.log('The registry provides no advisories: dependencies were NOT audited.')
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
