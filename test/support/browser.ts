import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { requireAll } from './shared.ts'

/** Possible paths of Chromium: `CHROMIUM`, else those of Linux and macOS packages. */
const places = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
]
const executable = places.find(place => place !== '' && existsSync(place))

/** Options for a test that needs a browser: skips it if there is none, unless everything is required. */
export function needsBrowser(): { skip: string | false } {
  if (executable !== undefined) return { skip: false }
  if (requireAll) throw new Error('HIERAX_REQUIRE_ALL=1, but Chromium was not found (set CHROMIUM to its path)')
  return { skip: 'needs Chromium, which was not found (set CHROMIUM to its path)' }
}

const flags =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'

/** Starts a headless browser. It has no sandbox, which root in a container cannot use, so it must open only our own pages. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: executable as string, args: flags.split(' ') })
}

/** A page with its errors and warnings. */
export interface WatchedPage {
  readonly page: Page
  /** Errors and warnings of the console (violations of the content-security policy among them), and exceptions. */
  readonly complaints: string[]
  close(): Promise<void>
}

/** Opens a page in a separate context. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  return { page, complaints, close: () => context.close() }
}
