import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { fileIn } from '../support/fences.ts'
import { root } from '../support/shared.ts'

const folder = path.join(root, 'examples/sources')

for (const name of fs.readdirSync(folder)) {
  test(`examples/sources/${name} is on the page, and is valid`, () => {
    const file = path.join(folder, name)
    assert.equal(fileIn('docs/connect.md', name), fs.readFileSync(file, 'utf8'))
    // The password's file is not shipped.
    const env = name === 'babamul.yaml' ? { HIERAX_INPUT_SASL_PASSWORD: 'x' } : {}
    assert.equal(loadConfig({ file, env }).output.brokers, null)
  })
}
