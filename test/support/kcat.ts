import { execFileSync } from 'node:child_process'
import { requireAll } from './shared.ts'

/** Whether kcat is installed: false, or the reason to skip the tests that need it. */
export function lacksKcat(): string | false {
  try {
    execFileSync('kcat', ['-V'], { stdio: 'ignore' })
    return false
  } catch {
    const reason = 'needs kcat (on Debian: apt-get install kcat)'
    if (requireAll) throw new Error(`HIERAX_REQUIRE_ALL=1, but this test ${reason}`)
    return reason
  }
}
