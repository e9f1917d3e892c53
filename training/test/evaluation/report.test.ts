import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { needsBrowser, startBrowser } from '../../../test/support/browser.ts'
import { type EvaluateOutcome, evaluate } from '../../src/evaluation/evaluate.ts'
import { reportOf, writeReport } from '../../src/evaluation/report.ts'
import { train } from '../../src/train.ts'
import { lineOf, madeObjects, silent, smallPlan } from '../support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-report-'))
after(() => rmSync(folder, { recursive: true }))

/** A node whose name could end a script or a tag. */
const nasty = '</script><b>"&'
const tree = JSON.stringify({
  name: 'tree',
  version: '1',
  root: 'Root',
  nodes: ['A', nasty, 'Ünï/cødé ★'].map(name => ({ name, parent: 'Root' })),
  labels: { 'type A1': 'A', 'type A2': nasty, 'type B': 'Ünï/cødé ★' }
})
let outcome: EvaluateOutcome
let file: string

before(async () => {
  const data = path.join(folder, 'data.jsonl')
  const taxonomy = path.join(folder, 'tree.json')
  writeFileSync(data, madeObjects(60).map(lineOf).join('\n'))
  writeFileSync(taxonomy, tree)
  const plan = smallPlan(path.join(folder, 'model'), taxonomy, data)
  await train(plan, silent, new AbortController().signal)
  outcome = await evaluate({
    model: plan.out,
    data: plan.data,
    days: [3, 7, 'full'],
    among: [`A,${nasty}`],
    minDetections: 1,
    bootstrap: 5,
    runtime: 'wasm'
  })
  file = await writeReport(path.join(folder, 'report'), reportOf(outcome))
})

test('the report is one file that asks nothing of the network', () => {
  const page = readFileSync(file, 'utf8')
  assert.equal(path.basename(file), 'index.html')
  assert.doesNotMatch(page, /<(?:script|img|iframe)[^>]* src=|<link[^>]* href="(?!data:)|@import|url\(["']?http/)
  assert.ok(!page.includes('<b>"&'))
})

test('a report that can’t be written says so', async () => {
  writeFileSync(path.join(folder, 'taken'), '')
  await assert.rejects(writeReport(path.join(folder, 'taken'), reportOf(outcome)), {
    code: 'USAGE',
    message: /--report .*taken/
  })
})

test(
  'in a browser every plot is drawn, named for those who do not see it, and nothing goes wrong',
  needsBrowser(),
  async t => {
    const browser: Browser = await startBrowser()
    t.after(() => browser.close())
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ colorScheme })
      const wrong: string[] = []
      page.on('console', message => wrong.push(message.text()))
      page.on('pageerror', error => wrong.push(error.message))
      page.on('request', request => void (request.url().startsWith('http') && wrong.push(request.url())))
      await page.goto(pathToFileURL(file).href, { waitUntil: 'domcontentloaded' })
      await page.waitForSelector('html[data-drawn]', { state: 'attached' })
      assert.deepEqual(wrong, [])
      const count = (selector: string): Promise<number> => page.locator(selector).count()
      assert.equal(await count('#metrics figure'), 7)
      assert.equal(await count('#reliability figure'), 2)
      assert.equal(await count('#nodes figure'), 3)
      assert.equal(await count('#confusion figure'), 2)
      assert.equal(await count('#purity figure'), 5)
      assert.equal(await count('#novelty figure'), 2)
      const plots = await page.locator('figure > svg').all()
      assert.equal(plots.length, await count('figure'))
      for (const plot of plots) {
        assert.equal(await plot.getAttribute('role'), 'img')
        assert.ok(((await plot.getAttribute('aria-label')) ?? '').length > 20)
        assert.ok(((await plot.boundingBox())?.height ?? 0) > 80)
      }
      const [text, background] = (await page.evaluate(
        "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])" as never
      )) as [string, string]
      assert.notEqual(text, background)
      await page.selectOption('#days', { label: '7' })
      assert.equal(await count('#nodes figure'), 3)
      assert.equal(await count('h1'), 1)
      await page.close()
    }
  }
)
