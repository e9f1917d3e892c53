import assert from 'node:assert/strict'
import { after, afterEach, before } from 'node:test'
import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import type { Service } from '../../src/service/service.ts'
import { openPage, startBrowser, type WatchedPage } from '../../test/support/browser.ts'
import { patienceMs } from '../../test/support/until.ts'
import { PageWorld } from './world.ts'

/** Accessibility violations found by axe, with their elements. */
export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> }
    }
    const { violations } = await axe.run()
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary.slice(0, 300)}`)
    )
  })
}

/** Waits until fonts are loaded, animations have finished and the next frame is drawn. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready
    await Promise.allSettled(document.getAnimations().map(animation => animation.finished))
    for (let frame = 0; frame < 2; frame++) await new Promise(resolve => requestAnimationFrame(resolve))
  })
}

/** A node of the tree, by its name. */
export const nodeOf = (page: Page, name: string) =>
  page.getByRole('treeitem', { name: new RegExp(`^${name} [<>\\d–]`) })

/** The query of the address, read in the page, because page.url() lags behind its history. */
export const query = async (page: Page) => new URL(await page.evaluate(() => location.href)).searchParams

/** Waits until a parameter of the address has a value; null: is absent. A key press returns before its handler has run. */
export async function addressSays(page: Page, parameter: string, value: string | null): Promise<void> {
  await page.waitForFunction(
    ([name, expected]) => new URLSearchParams(location.search).get(name as string) === expected,
    [parameter, value] as const
  )
}

/** Publishes until the page shows it: events from before its stream is open are not repeated, and the list's events are a sample. */
export async function saidUntil(say: () => void, shown: Locator): Promise<void> {
  say()
  const again = setInterval(say, 500)
  try {
    await shown.waitFor()
  } finally {
    clearInterval(again)
  }
}

/** A served world and a page that shows it, new for each test of a suite. */
export class LivePage {
  world = new PageWorld()
  #url = ''
  #browser: Browser | null = null
  #service: Service | null = null
  #watched: WatchedPage | null = null

  /** Registers hooks: create it within a suite, whose tests share a browser. */
  constructor() {
    before(async () => {
      this.#browser = await startBrowser()
    })
    after(() => this.#browser?.close())
    afterEach(async () => {
      await this.close()
      await this.end()
    })
  }

  /** Errors and warnings of the page. */
  get complaints(): readonly string[] {
    return this.#watched?.complaints ?? []
  }

  /** Serves a world, by default with three objects. */
  async serve(
    world = new PageWorld(),
    objects = ['ZTF20aaaaaab', 'ZTF20aaaaabc', 'ZTF20aaaaacd'],
    options: { readonly token?: string } = {}
  ): Promise<void> {
    this.world = world
    world.say(...objects.map((id, index) => world.answer(id, 4 + 3 * index, 0.7 + 0.1 * index)))
    this.#service = await world.service(options)
    this.#url = (await this.#service.listen()).url
  }

  async open(query = '', options: BrowserContextOptions = {}): Promise<Page> {
    assert.ok(this.#browser, 'the browser has started')
    this.#watched = await openPage(this.#browser, options)
    this.#watched.page.setDefaultTimeout(patienceMs)
    await this.#watched.page.goto(`${this.#url}/${query}`)
    return this.#watched.page
  }

  /** Closes the page. */
  async close(): Promise<void> {
    await this.#watched?.close()
    this.#watched = null
  }

  /** Stops the service. */
  async end(): Promise<void> {
    await this.#service?.close()
    this.#service = null
  }
}
