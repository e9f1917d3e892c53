import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { build } from '../../test/support/build.ts'
import { root } from '../../test/support/shared.ts'

build()
const folder = path.join(root, 'dist/web')
const files = fs
  .readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .map(name => path.join(folder, name))
  .filter(file => fs.statSync(file).isFile())

test('the page with its fonts is at most 300 kB compressed', () => {
  const bytes = files.reduce((sum, file) => sum + gzipSync(fs.readFileSync(file)).length, 0)
  assert.ok(bytes <= 300_000, `${bytes} bytes`)
  assert.ok(bytes > 20_000)
})

test('the page loads nothing from other hosts and evaluates no code from strings', () => {
  const links =
    /^https:\/\/(alerce\.online|antares\.noirlab\.edu|babamul\.caltech\.edu|ztf\.fink-portal\.org|lasair-ztf\.lsst\.ac\.uk|www\.wis-tns\.org)\//
  const names = /^http:\/\/www\.w3\.org\//
  for (const file of files.filter(name => /\.(js|css|html)$/.test(name))) {
    const text = fs.readFileSync(file, 'utf8')
    assert.doesNotMatch(text, /\beval\(|new Function\(/, file)
    for (const [address] of text.matchAll(/https?:\/\/[^\s"'`)]+/g)) {
      assert.ok(links.test(address) || names.test(address), `${file}: ${address}`)
    }
  }
})
