import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { LightCurve } from '../../../src/lightcurves/curve/light-curve.ts'
import { ClassificationWriter } from '../../../src/messages/writer.ts'
import { goldenCases, goldenSettings, messagesOf } from '../../golden/answers.ts'
import { fakeClassifier } from '../../support/fake-classifier.ts'
import { alertOf } from '../../support/pipeline.ts'
import { testPython } from '../../support/python.ts'
import { needsShared, root, shared } from '../../support/shared.ts'
import { detectionAt } from '../observations.ts'

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

describe('golden settings', () => {
  for (const { model, admit, programs, population, nodes, text, hash } of goldenSettings()) {
    test(text, () => {
      assert.equal(createHash('sha256').update(text).digest('hex').slice(0, 12), hash)
      const listed = nodes.map(name => ({ name, parent: 'Object' }))
      const classifier = { ...fakeClassifier(), sha256: model, population, nodes: listed }
      const { record } = alertOf('A', detectionAt(2459000.5))
      const curve = LightCurve.empty
      const input = { objectId: 'A', record, versions: [], curve, prefix: curve.upTo(0), reason: 'BOGUS' } as const
      const { id } = new ClassificationWriter(classifier, { admit, programs }).write(input, null)
      assert.equal(id.split(':')[2], hash)
    })
  }
})

const python = testPython()

test('Python computes the same messages, fingerprints, revisions and ids, as docs/state.md describes them', {
  skip: python.skip
}, () => {
  const program = path.join(root, 'test/python/fingerprint.py')
  const recompute = (...args: string[]) =>
    spawnSync(path.join(python.folder, 'python3'), ['-B', program, ...args], { encoding: 'utf8' })
  const packets = cases.filter(({ files }) => files.length > 0).length
  for (const [args, output] of [
    [[], `${cases.length - packets} cases agree; ${packets} of real packets left out (--packets)`],
    ...(skip ? [] : [[['--packets', shared], `${cases.length} cases agree`] as const])
  ] as const) {
    const { status, stdout, stderr } = recompute(...args)
    assert.equal(status, 0, stderr)
    assert.equal(stdout.trim(), output)
  }
})
