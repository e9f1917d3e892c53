import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { root } from '../support/shared.ts'

test('the tables of docs/scale.md are those that the cost model prints for the published measurement', () => {
  const flags = ['--conditions=source', '--import', './test/loader/register.mjs']
  const command = ['tools/src/bench/scale.ts', '--from', 'docs/scale.json']
  const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, ...command], {
    cwd: root,
    encoding: 'utf8'
  })
  assert.equal(status, 0, stderr)
  const tables = stdout.trim().split('\n\n')
  assert.equal(tables.length, 3)
  const page = fs.readFileSync(path.join(root, 'docs/scale.md'), 'utf8')
  for (const table of tables) assert.ok(page.includes(table), `docs/scale.md lacks\n${table}`)
})
