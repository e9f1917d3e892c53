import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { goldenCases, messagesOf } from '../golden/answers.ts'
import { testPython } from '../support/python.ts'
import { needsShared, root, shared } from '../support/shared.ts'

const cases = goldenCases()
const { skip } = needsShared()

describe('golden answers', () => {
  for (const golden of cases) {
    test(golden.name, { skip: golden.files.length > 0 && skip }, async () => {
      for (const file of golden.files) assert.ok(fs.existsSync(path.join(shared, file)), file)
      assert.deepEqual(await messagesOf(golden), golden.messages)
    })
  }

  test('cover every status and reason, several versions of one alert, and real packets', () => {
    const messages = cases.flatMap(golden => golden.messages)
    const outcomes = new Set(messages.map(({ reason }) => reason))
    assert.deepEqual(outcomes, new Set([null, 'BOGUS', 'SOLAR_SYSTEM', 'PROGRAM', 'TOO_FEW_DETECTIONS']))
    assert.ok(cases.filter(({ batches }) => batches.length > 0).length >= 30)
    assert.ok(cases.some(({ files }) => files.length > 0))
    assert.ok(cases.some(({ name }) => name === '3 versions of one alert'))
  })
})

const python = testPython()

test('Python computes the same fingerprints, revisions and ids, as docs/state.md describes them', {
  skip: python.skip
}, () => {
  const args = ['fingerprint.py', path.join(root, 'test/golden/answers.jsonl')]
  const { status, stdout, stderr } = spawnSync(path.join(python.folder, 'python3'), args, {
    cwd: path.join(root, 'test/python'),
    encoding: 'utf8'
  })
  assert.equal(status, 0, stderr)
  assert.ok(Number(stdout) >= 15, `${stdout} cases`)
})
