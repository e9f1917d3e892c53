import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { needsBrowser } from '../../test/support/browser.ts'
import { addressSays, findings, LivePage, nodeOf, query, saidUntil, settled } from './live-page.ts'
import { grown, PageWorld } from './world.ts'

describe('the live page', needsBrowser(), () => {
  const live = new LivePage()

  it('goes from the list to an object and back, and keeps the object in the address', async () => {
    await live.serve()
    const page = await live.open()
    const list = page.getByRole('list', { name: /Objects/ })
    await list.getByRole('link', { name: /ZTF20aaaaabc/ }).click()
    await page.getByRole('heading', { name: 'ZTF20aaaaabc' }).waitFor()
    assert.equal((await query(page)).get('object'), 'ZTF20aaaaabc')
    await nodeOf(page, 'SN Ia').filter({ hasText: '0.64' }).waitFor()
    await page.getByRole('img', { name: /7 detections and 3 upper limits/ }).waitFor()
    await page.getByRole('img', { name: /History of probabilities at 7 detections: .*SN Ia from/ }).waitFor()
    await page.getByRole('img', { name: /All-sky map: the object at/ }).waitFor()
    await page.getByText('page-model 2.1.0').waitFor()
    await page.getByRole('link', { name: 'ALeRCE' }).waitFor()

    await list.getByRole('link', { name: /ZTF20aaaaacd/ }).click()
    await page.getByRole('heading', { name: 'ZTF20aaaaacd' }).waitFor()
    await page.goBack()
    await page.getByRole('heading', { name: 'ZTF20aaaaabc' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'ZTF20aaaaabc' }).waitFor()
    assert.deepEqual(live.complaints, [])
  })

  it('updates as alerts arrive, and keeps the current classification when a late one arrives', async () => {
    await live.serve()
    const page = await live.open('?object=ZTF20aaaaaab')
    await nodeOf(page, 'SN Ia').filter({ hasText: '0.49' }).waitFor()
    await saidUntil(
      () => live.world.say(live.world.answer('ZTF20aaaaaab', 9, 0.9)),
      nodeOf(page, 'SN Ia').filter({ hasText: '0.81' })
    )
    const current = live.world.objects.get('ZTF20aaaaaab')
    const rows = page.getByRole('list', { name: /Objects/ })
    // Events arrive in order: once a later one is shown, the page has handled the late one.
    await saidUntil(
      () => {
        live.world.say(live.world.answer('ZTF20aaaaaab', 6, 0.5))
        live.world.objects.set('ZTF20aaaaaab', current as never)
        live.world.say(live.world.answer('ZTF20aaaaaaz', 9, 0.9))
      },
      rows.getByRole('link', { name: /ZTF20aaaaaaz/ })
    )
    assert.match((await nodeOf(page, 'SN Ia').textContent()) ?? '', /0\.81/)
    const row = rows.getByRole('link', { name: /ZTF20aaaaaab/ })
    assert.match((await row.textContent()) ?? '', /0\.81/)
  })

  it('hides kinds of points, and zooms with buttons, the wheel and by dragging', async () => {
    await live.serve()
    const page = await live.open('?object=ZTF20aaaaacd')
    const curve = page.getByRole('img', { name: /^Light curve: 10 detections and 3 upper limits\. The table/ })
    await curve.waitFor()
    const limits = page.getByRole('button', { name: 'upper limit', exact: true })
    await limits.click()
    await page
      .getByRole('img', { name: /10 detections and 0 upper limits; hidden or outside of the time range: 3/ })
      .waitFor()
    assert.equal(await limits.getAttribute('aria-pressed'), 'false')
    await page.getByRole('button', { name: 'g band' }).click()
    await addressSays(page, 'hide', 'g,limits')
    await page.reload()
    await page.getByRole('img', { name: /: 6 detections and 0 upper limits/ }).waitFor()
    for (const name of ['g band', 'upper limit']) await page.getByRole('button', { name, exact: true }).click()
    await curve.waitFor()

    await page.getByRole('button', { name: 'Zoom in' }).click()
    await page.getByRole('img', { name: /outside of the time range/ }).waitFor()
    await page.getByRole('button', { name: 'all', exact: true }).click()
    await curve.waitFor()
    const box = await curve.boundingBox()
    assert.ok(box)
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
    await page.mouse.wheel(0, -600)
    await page.getByRole('img', { name: /outside of the time range/ }).waitFor()
    const zoom = (await query(page)).get('zoom')
    await page.mouse.down()
    await page.mouse.move(box.x + box.width / 2 + 120, box.y + box.height / 2, { steps: 5 })
    await page.mouse.up()
    await page.waitForFunction(before => new URLSearchParams(location.search).get('zoom') !== before, zoom)
    assert.equal((await query(page)).get('at'), null, 'dragging selects no moment')
    await page.mouse.click(box.x + box.width * 0.2, box.y + box.height / 2)
    await page.waitForFunction(() => new URLSearchParams(location.search).has('at'))
    await page
      .getByRole('list', { name: /Objects/ })
      .getByRole('link', { name: /ZTF20aaaaabc/ })
      .click()
    await addressSays(page, 'zoom', null)
    assert.deepEqual(live.complaints, [])
  })

  it('replays the history of a classification', async () => {
    await live.serve()
    const page = await live.open('?object=ZTF20aaaaacd&at=1')
    const slider = page.getByRole('slider', { name: /Detection whose classification is shown/ })
    await nodeOf(page, 'Transient').filter({ hasText: '0.34' }).waitFor()
    assert.match((await slider.getAttribute('aria-valuetext')) ?? '', /MJD 59001\.000, 1 detection: Transient 0\.34/)
    await page.getByRole('button', { name: 'Play the history' }).click()
    await page.waitForFunction(() => !new URLSearchParams(location.search).has('at'))
    await nodeOf(page, 'Transient').filter({ hasText: '0.90' }).waitFor()
  })

  it('filters the list in the service, and keeps filters in the address', async () => {
    await live.serve()
    const page = await live.open()
    const rows = page.getByRole('list', { name: /Objects/ }).getByRole('link')
    await rows.nth(2).waitFor()
    await page.getByRole('combobox', { name: 'Class' }).selectOption('SN Ia')
    await page.getByRole('slider', { name: /P\(class\)/ }).fill('0.6')
    await page.waitForFunction(() => document.querySelectorAll('.list .row').length === 2)
    assert.deepEqual([(await query(page)).get('node'), (await query(page)).get('min')], ['SN Ia', '0.6'])
    await page.getByRole('textbox', { name: 'Id contains' }).fill('aCD')
    await page.waitForFunction(() => document.querySelectorAll('.list .row').length === 1)
    await page.reload()
    await page.waitForFunction(() => document.querySelectorAll('.list .row').length === 1)
    await page.getByRole('button', { name: 'i', exact: true }).click()
    await page.getByText('None of the latest classifications pass the filter').waitFor()
    assert.equal(await page.getByText('No alerts yet').count(), 0)
    await page.getByRole('button', { name: 'clear' }).click()
    await rows.nth(2).waitFor()
    assert.equal((await query(page)).size, 0)
  })

  it('finds an object by its id, and reports an unknown id', async () => {
    await live.serve()
    const page = await live.open()
    await page.keyboard.press('/')
    await page.keyboard.type(' ZTF20aaaaaab ')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'ZTF20aaaaaab' }).waitFor()
    await page.getByRole('searchbox').fill('ZTF99zzzzzzz')
    await page.getByRole('searchbox').press('Enter')
    await page.getByRole('heading', { name: 'No alert of this object yet' }).waitFor()
    await page.getByRole('button', { name: 'follow the stream' }).click()
    await page.getByRole('tree').waitFor()
  })

  it('has keyboard shortcuts', async () => {
    await live.serve()
    const page = await live.open('?object=ZTF20aaaaacd', { reducedMotion: 'reduce' })
    await nodeOf(page, 'SN Ia').waitFor()
    await page.getByRole('img', { name: /History/ }).waitFor()
    const press = (key: string) => page.keyboard.press(key)
    await press('[')
    await addressSays(page, 'at', '9')
    await press(']')
    await addressSays(page, 'at', null)
    await press('c')
    await addressSays(page, 'p', 'conditional')
    await nodeOf(page, 'SN Ia').filter({ hasText: '0.90' }).waitFor()
    await press('d')
    await addressSays(page, 't', 'days')
    await press('t')
    await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark')
    await press('u')
    await addressSays(page, 'hide', 'limits')
    await press('u')
    await addressSays(page, 'hide', null)
    await press('+')
    await page.getByRole('img', { name: /outside of the time range/ }).waitFor()
    const zoom = (await query(page)).get('zoom')
    await press(',')
    await page.waitForFunction(before => new URLSearchParams(location.search).get('zoom') !== before, zoom)
    await press('-')
    await addressSays(page, 'zoom', null)
    await press('+')
    await press('0')
    await addressSays(page, 'zoom', null)
    const rows = page.getByRole('list', { name: /Objects/ }).getByRole('link')
    await rows.filter({ hasText: 'ZTF20aaaaacd' }).waitFor()
    await rows.nth(2).waitFor()
    const requested: string[] = []
    page.on('request', request => requested.push(new URL(request.url()).pathname))
    await press('j')
    await page.waitForFunction(() => new URLSearchParams(location.search).get('object') !== 'ZTF20aaaaacd')
    await press('k')
    await addressSays(page, 'object', 'ZTF20aaaaacd')
    // Fast steps must not make the page request the list again.
    const between = await page.evaluate(() =>
      ['j', 'k', 'j', 'k'].map(key => {
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
        return new URLSearchParams(location.search).get('object')
      })
    )
    const first = 'ZTF20aaaaacd'
    assert.deepEqual(between, [between[0], first, between[0], first])
    assert.notEqual(between[0], first)
    await page.getByRole('heading', { name: first }).waitFor()
    await settled(page)
    assert.ok(!requested.some(path => path.endsWith('/recent')), requested.join())
    await press('?')
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
    await press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })

    await nodeOf(page, 'Transient').focus()
    const focused = (label: RegExp) =>
      page.waitForFunction(
        source => new RegExp(source).test(document.activeElement?.getAttribute('aria-label') ?? ''),
        label.source
      )
    await press('ArrowRight')
    await focused(/^SN Ia 0\.90 given Transient, probability 0\.\d\d/)
    await press('ArrowDown')
    await focused(/^CC /)
    await press('Enter')
    await addressSays(page, 'focus', 'CC')
    await press('ArrowLeft')
    await focused(/^Transient /)
    await press('End')
    await focused(/^Persistent /)
    await press('Escape')
    await addressSays(page, 'object', null)
  })

  for (const colorScheme of ['dark', 'light'] as const) {
    for (const [width, height] of [
      [400, 860],
      [1440, 900],
      [3840, 2160]
    ] as const) {
      it(`has no accessibility violations in ${colorScheme} at ${width} px, and fits`, async () => {
        await live.serve()
        const page = await live.open('?object=ZTF20aaaaacd&focus=CC', {
          colorScheme,
          viewport: { width, height },
          reducedMotion: 'reduce'
        })
        await nodeOf(page, 'CC').waitFor()
        await page.getByRole('img', { name: /History/ }).waitFor()
        await settled(page)
        assert.deepEqual(await findings(page), [])
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width)
        assert.deepEqual(live.complaints, [])
      })
    }
  }

  for (const size of [3, 100]) {
    it(`shows every node of a taxonomy of ${size} without overlap`, async () => {
      await live.serve(new PageWorld(grown(size)))
      for (const width of [400, 1440]) {
        const page = await live.open('?object=ZTF20aaaaacd', { viewport: { width, height: 900 } })
        const items = page.getByRole('treeitem')
        await items.nth(size - 1).waitFor()
        assert.equal(await items.count(), size)
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width)
        const overlapping = await page.evaluate(() => {
          const boxes = [...document.querySelectorAll('.name .text')].map(element => element.getBoundingClientRect())
          return boxes.filter((box, place) =>
            boxes.some(
              (other, index) =>
                index !== place &&
                box.left < other.right - 1 &&
                other.left < box.right - 1 &&
                box.top < other.bottom - 4 &&
                other.top < box.bottom - 4
            )
          ).length
        })
        assert.equal(overlapping, 0)
        await live.close()
      }
    })
  }

  it('shows the images of the newest alert where there are some', async () => {
    await live.serve()
    live.world.pictured.add('ZTF20aaaaacd')
    const page = await live.open('?object=ZTF20aaaaacd')
    const image = page.getByRole('img', { name: 'science image, this exposure' })
    await image.waitFor()
    assert.match((await image.getAttribute('src')) ?? '', /ZTF20aaaaacd\/cutouts\/science\.png\?candid=\d+$/)
    await page.waitForFunction(() => {
      const images = [...document.querySelectorAll<HTMLImageElement>('.cutout img')]
      return images.length === 2 && images.every(({ naturalWidth }) => naturalWidth === 21)
    })
    await settled(page)
    assert.deepEqual(await findings(page), [])
    await page
      .getByRole('list', { name: /Objects/ })
      .getByRole('link', { name: /ZTF20aaaaabc/ })
      .click()
    await image.waitFor({ state: 'detached' })
    assert.deepEqual(live.complaints, [])
  })

  it('says why an alert was not classified', async () => {
    await live.serve()
    const changes = { status: 'NOT_CLASSIFIED', reason: 'BOGUS', nodes: [], prediction: null }
    live.world.say(live.world.answer('ZTF20aaaaaab', 12, 0.5, changes))
    const page = await live.open('?object=ZTF20aaaaaab')
    await page.getByText('Not classified: BOGUS.').waitFor()
    await page.getByText(/probably an artefact/).waitFor()
    for (const node of await page.getByRole('treeitem').all()) {
      assert.match((await node.getAttribute('aria-label')) ?? '', / – no probability$/)
      assert.doesNotMatch(`${await node.getAttribute('title')} ${await node.textContent()}`, /\d\.\d/)
    }
    assert.equal(await page.getByText('not given by this model').count(), 0)
  })

  it('explains what to do while there is nothing to show', async () => {
    await live.serve(new PageWorld(), [])
    const page = await live.open()
    await page.getByText(/^No alerts yet/).waitFor()
    await page.getByText('hierax replay').waitFor()
    assert.deepEqual(await findings(page), [])
    live.world.parts = { ...live.world.parts, consumer: { ready: true, reason: 'waiting for a topic' } }
    await page.getByText(/^Waiting for a topic/).waitFor()
    live.world.parts = { ...live.world.parts, producer: { ready: false, reason: 'output cluster unreachable' } }
    await page.getByText(/^Not ready: producer, output cluster unreachable/).waitFor()
    live.world.parts = { ...live.world.parts, producer: { ready: true, reason: 'running' } }
    live.world.say(live.world.answer('ZTF20aaaaaab', 3, 0.8))
    await page.getByRole('heading', { name: 'ZTF20aaaaaab' }).waitFor()
    await live.end()
    await page.getByText(/^The service does not respond/).waitFor()
    assert.deepEqual(await findings(page), [])
  })

  it('loads with a token, and asks for one when it is refused', async () => {
    await live.serve(new PageWorld(), ['ZTF20aaaaaab'], { token: 'secret' })
    const page = await live.open('', { httpCredentials: { username: 'any', password: 'secret' } })
    await page.getByRole('heading', { name: 'ZTF20aaaaaab' }).waitFor()
    await page.route('**/api/v1/**', route =>
      route.fulfill({
        status: 401,
        contentType: 'application/problem+json',
        body: JSON.stringify({ code: 'UNAUTHORIZED', detail: 'the token is wrong', remedy: '' })
      })
    )
    await page.reload()
    await page.getByText(/^A token is required/).waitFor()
    await page.getByRole('button', { name: 'reload' }).waitFor()
  })

  it('stays responsive under thousands of events per second', async () => {
    await live.serve()
    const page = await live.open('?object=ZTF20aaaaaab')
    await nodeOf(page, 'SN Ia').waitFor()
    const flood = { rounds: 0, ended: false }
    const flooding = (async () => {
      for (; !flood.ended; flood.rounds++) {
        const round = flood.rounds
        const answers = Array.from({ length: 300 }, (_, index) => {
          const id = `ZTF21${(round * 300 + index).toString(36).padStart(7, '0')}`
          return live.world.answer(id, 2 + (index % 20), 0.4 + (index % 60) / 100)
        })
        live.world.add(answers)
        live.world.minute.add(answers as never)
        await new Promise(resolve => setTimeout(resolve, 100))
      }
    })()
    await page.getByText(/of \d[\d ]+ per second shown/).waitFor()
    const before = flood.rounds
    const frames = 60
    const { elements, rows } = await page.evaluate(async frames => {
      for (let frame = 0; frame < frames; frame++) await new Promise(resolve => requestAnimationFrame(resolve))
      return { elements: document.querySelectorAll('*').length, rows: document.querySelectorAll('.row').length }
    }, frames)
    const rounds = flood.rounds - before
    await page.keyboard.press('d')
    await addressSays(page, 't', 'days')
    flood.ended = true
    await flooding
    // Relative to the flood, so that a busy machine slows both: three frames for every ten rounds.
    assert.ok(frames > 0.3 * rounds, `${frames} frames in ${rounds} rounds`)
    assert.ok(rows <= 80, `${rows} rows`)
    assert.ok(elements < 4000, `${elements} elements`)
    assert.deepEqual(live.complaints, [])
  })
})
