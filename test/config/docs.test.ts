import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { pages } from '../../scripts/generate-docs.ts'
import { configSchema } from '../../src/config/config.ts'
import { settingsOf } from '../../src/config/settings.ts'
import { root } from '../support/shared.ts'

describe('reference pages', async () => {
  const written = await pages()
  for (const [name, content] of Object.entries(written)) {
    it(`${name} says what the code says`, () => {
      assert.equal(fs.readFileSync(path.join(root, name), 'utf8'), content, 'stale: run `npm run docs`')
    })
  }

  it('name every setting', () => {
    const page = written['docs/configuration.md'] as string
    for (const key of settingsOf(configSchema).keys()) assert.ok(page.includes(`| \`${key}\` `), key)
  })
})
