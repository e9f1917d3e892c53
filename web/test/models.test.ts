import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { needsBrowser } from '../../test/support/browser.ts'
import { LivePage, nodeOf, query, saidUntil } from './live-page.ts'
import { PageWorld } from './world.ts'

describe('the live page: models, links and announcements', needsBrowser(), () => {
  const live = new LivePage()

  it('shows the classifications of each model, and links keep the model', async () => {
    const two = new PageWorld()
    const other = { ...two.model, name: 'second-model', version: '0.3.0', sha256: 'cd'.repeat(32) }
    two.others.push(other)
    await live.serve(two)
    live.world.add(['ZTF20aaaaabc', 'ZTF20aaaaacd'].map(id => live.world.second(other, id, 0.55)))
    const page = await live.open('?object=ZTF20aaaaacd')
    await nodeOf(page, 'SN Ia').filter({ hasText: '0.81' }).waitFor()
    await page.getByText('page-model 2.1.0, wasm').waitFor()
    const choice = page.getByRole('combobox', { name: 'Model' })
    assert.equal(await choice.inputValue(), 'page-model')

    await choice.selectOption('second-model')
    await nodeOf(page, 'SN Ia').filter({ hasText: '0.30' }).waitFor()
    await page.getByText('second-model 0.3.0, wasm').waitFor()
    assert.equal((await query(page)).get('model'), 'second-model')
    assert.match((await page.getByRole('link', { name: 'JSON' }).getAttribute('href')) ?? '', /\?model=second-model$/)
    // The list has the model's own answers, and its links keep the model.
    const row = page.getByRole('list', { name: /Objects/ }).getByRole('link', { name: /ZTF20aaaaabc/ })
    await row.filter({ hasText: '0.30' }).waitFor()
    assert.equal(await page.locator('.list .row').count(), 2)
    assert.match((await row.getAttribute('href')) ?? '', /model=second-model/)
    await row.click()
    await page.getByRole('heading', { name: 'ZTF20aaaaabc' }).waitFor()
    assert.equal((await query(page)).get('model'), 'second-model')
    await page.reload()
    await nodeOf(page, 'SN Ia').filter({ hasText: '0.30' }).waitFor()

    // What one model says of a new alert is not taken for the other's answer.
    const first = live.world.answer('ZTF20aaaaabc', 9, 0.9)
    await saidUntil(
      () => {
        live.world.say(first)
        live.world.add([live.world.second(other, 'ZTF20aaaaabc', 0.55), first])
      },
      page.getByRole('img', { name: /^Light curve: 9 detections/ })
    )
    // Events arrive in order: once a later one is shown, the page has handled these.
    await saidUntil(
      () => {
        live.world.say(live.world.answer('ZTF20aaaaaaz', 9, 0.9))
        live.world.add([live.world.second(other, 'ZTF20aaaaaaz', 0.55)])
      },
      page.getByRole('list', { name: /Objects/ }).getByRole('link', { name: /ZTF20aaaaaaz/ })
    )
    assert.match((await nodeOf(page, 'SN Ia').textContent()) ?? '', /0\.30/)
    await page.goBack()
    await page.goBack()
    await page.getByText('page-model 2.1.0, wasm').waitFor()
    assert.deepEqual(live.complaints, [])

    await live.close()
    const stray = await live.open('?object=ZTF20aaaaacd&model=no-such')
    await stray.getByText('There is no model named no-such').waitFor()
    await nodeOf(stray, 'SN Ia').filter({ hasText: '0.81' }).waitFor()
  })

  it('reports a link that filters by a class that the model does not have', async () => {
    await live.serve()
    const page = await live.open('?node=Kilonova')
    await page.getByText('Invalid filter').waitFor()
    await page.getByRole('button', { name: 'clear' }).click()
    await page
      .getByRole('list', { name: /Objects/ })
      .getByRole('link')
      .nth(2)
      .waitFor()
    await page.getByText('Invalid filter').waitFor({ state: 'detached' })
  })

  it('shows the evidence in numbers and words, and rejected detections', async () => {
    await live.serve()
    const known = live.world.objects.get('ZTF20aaaaaab')
    assert.ok(known)
    const lightCurve = known.lightCurve.map((point, at) => (at === 4 ? { ...point, admitted: false } : point))
    live.world.objects.set('ZTF20aaaaaab', { ...known, lightCurve })
    const page = await live.open('?object=ZTF20aaaaaab')
    const terms = page.getByRole('list', { name: 'Evidence for Transient against Persistent' })
    await terms.getByText('population stream: 4 % Transient').waitFor()
    const told = (await terms.textContent()) ?? ''
    assert.match(told, /context\+2\.0 for Transient\. 6\.5″ from a galaxy of score \.02/)
    assert.match(told, /prior−1\.5 for Persistent\. /)
    await page.getByText('6.50″, star score 0.02').waitFor()
    await page.getByRole('img', { name: /^Light curve: 3 detections .*rejected and not classified: 1\./ }).waitFor()
    await page.getByRole('list', { name: 'Points on display' }).getByText('rejected').waitFor()
    assert.deepEqual(live.complaints, [])
  })

  it('announces a new class of the selected object to screen readers, and nothing else', async () => {
    await live.serve()
    const page = await live.open('?object=ZTF20aaaaaab')
    await nodeOf(page, 'SN Ia').filter({ hasText: '0.49' }).waitFor()
    const said = () => page.evaluate(() => document.querySelector('.object-head [aria-live]')?.textContent)
    assert.equal(await said(), 'Transient, SN Ia')
    await saidUntil(
      () => live.world.say(live.world.answer('ZTF20aaaaaab', 9, 0.9)),
      nodeOf(page, 'SN Ia').filter({ hasText: '0.81' })
    )
    assert.equal(await said(), 'Transient, SN Ia')
    const regions = await page.evaluate(() =>
      [
        ...document.querySelectorAll('[aria-live]:not([aria-live=off]), output:not([aria-live=off]), [role=status]')
      ].map(element => element.className)
    )
    assert.deepEqual(regions, ['notices', 'hidden'])
    await page.getByRole('button', { name: 'pinned' }).click()
    await page.waitForFunction(() => document.querySelector('.object-head [aria-live]')?.textContent === '')
  })
})
