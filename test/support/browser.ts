import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { requireAll } from './shared.ts'

/** Where a Chromium may be: `CHROMIUM` names one, else where packages of Linux and macOS put it. */
const places = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
]
const executable = places.find(place => place !== '' && existsSync(place))

/** Options for a test that needs a browser: skips it where there is none, unless everything is required. */
export function needsBrowser(): { skip: string | false } {
  if (executable !== undefined) return { skip: false }
  if (requireAll) throw new Error('HIERAX_REQUIRE_ALL=1, but there is no Chromium (CHROMIUM may name one)')
  return { skip: 'needs Chromium, which is not here (CHROMIUM may name one)' }
}

/** Starts a browser without a window. Its sandbox is off, as it can't be had as root in a container: own pages only. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: executable as string, args: ['--no-sandbox'] })
}
