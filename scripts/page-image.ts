/**
 * `npm run docs:image`: takes docs/images/page.png, the picture of the live page in the README. Runs the demo without Kafka, waits
 * until the object that it introduces has a confident class, and takes a screenshot of its page. Needs Chromium (`CHROMIUM`
 * may name one) and a built page (`npm run build`).
 */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { openPage, startBrowser } from '../test/support/browser.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const command = ['src/cli/main.ts', 'demo', '--in-process', '--port', '0', '--rate', '100']
const demo = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', ...command], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit']
})

/** The address that the demo prints once the class of the introduced object is confident. */
const confident = new Promise<string>((resolve, reject) => {
  let printed = ''
  demo.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    const [, address] = /^★ .* is confident .*(http:\S+)$/m.exec(printed) ?? []
    if (address) resolve(address)
  })
  demo.once('exit', () => reject(new Error(`The demo ended:\n${printed}`)))
})

const browser = await startBrowser()
try {
  const address = await confident
  const { page } = await openPage(browser, { viewport: { width: 1280, height: 800 } })
  await page.goto(address)
  await page.waitForTimeout(15_000) // some more alerts, and the end of all transitions
  await page.screenshot({ path: path.join(root, 'docs/images/page.png') })
} finally {
  await browser.close()
  demo.kill('SIGINT')
}
