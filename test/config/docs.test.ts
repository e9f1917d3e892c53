import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { pages } from '../../scripts/generate-docs.ts'
import { configKeys } from '../../src/config/keys.ts'
import { root } from '../support/shared.ts'

describe('reference pages', () => {
  for (const [name, content] of Object.entries(pages())) {
    it(`${name} says what the code says`, () => {
      const written = fs.readFileSync(path.join(root, name), 'utf8')
      assert.equal(written, content, 'stale: run `npx tsx scripts/generate-docs.ts`')
    })
  }

  it('name every setting', () => {
    const page = pages()['docs/configuration.md'] as string
    for (const key of configKeys) assert.ok(page.includes(`| \`${key}\` `), key)
  })
})
