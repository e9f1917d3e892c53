import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { root } from '../support/shared.ts'
import { pages } from './pages.ts'

/** A page without its blocks and code: what is in them is no link. */
function proseOf(page: string): string {
  const text = fs.readFileSync(path.join(root, page), 'utf8')
  return text.replace(/^ *```[\s\S]*?^ *```/gm, '').replace(/`[^`\n]*`/g, '')
}

/** Anchors of a page's headings, as code hosts make them. */
function anchorsOf(page: string): Set<string> {
  const text = fs.readFileSync(path.join(root, page), 'utf8').replace(/^ *```[\s\S]*?^ *```/gm, '')
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(match => match[1] as string)
  return new Set(
    headings.map(heading =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-')
    )
  )
}

describe('links in the pages', () => {
  for (const page of pages) {
    test(page, () => {
      for (const [, target = ''] of proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target)) {
          assert.ok(URL.canParse(target) && target.startsWith('https:'), `${page}: ${target}`)
          continue
        }
        const [file = '', anchor] = target.split('#')
        const found = file === '' ? page : path.join(path.dirname(page), file)
        assert.ok(fs.existsSync(path.join(root, found)), `${page}: there is no ${target}`)
        if (anchor) assert.ok(anchorsOf(found).has(anchor), `${page}: ${found} has no heading #${anchor}`)
      }
    })
  }
})
