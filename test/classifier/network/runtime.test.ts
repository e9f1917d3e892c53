import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { loadClassifier } from '../../../src/classifier/classifier.ts'
import { bundledModel } from '../../../src/classifier/model-folder.ts'
import { createRuntime } from '../../../src/classifier/network/runtime.ts'
import { HieraxError } from '../../../src/errors.ts'
import { fromSource } from '../../support/from-source.ts'
import { root } from '../../support/shared.ts'
import { detection, steppedCurve } from '../../support/stepped-curve.ts'

/** Whether tfjs-node loads here; where it is absent, asking for it must say so. */
async function nodeLoads(): Promise<boolean> {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-node')
    await createRuntime('node')
    return true
  } catch (error) {
    if (error instanceof HieraxError) assert.equal(error.code, 'RUNTIME_UNAVAILABLE')
    return false
  } finally {
    await createRuntime('wasm')
  }
}

test('WebAssembly is the default, started once', async () => {
  const runtime = await createRuntime()
  assert.equal(runtime.name, 'wasm')
  assert.equal(runtime.tf.getBackend(), 'wasm')
  assert.equal(await createRuntime('wasm'), runtime)
})

test('auto takes tfjs-node where it loads; without it, auto falls back and asking for it says what to do', async () => {
  if (await nodeLoads()) {
    assert.equal((await createRuntime('auto')).name, 'node')
    await createRuntime('wasm')
    return
  }
  await assert.rejects(createRuntime('node'), error => {
    assert.ok(error instanceof HieraxError)
    assert.equal(error.code, 'RUNTIME_UNAVAILABLE')
    assert.match(error.message, /tfjs-node does not load: ./)
    assert.match(error.remedy, /setup:tensorflow/)
    return true
  })
  assert.equal((await createRuntime('auto')).name, 'wasm')
})

test('both runtimes agree to 1e-5', async t => {
  if (!(await nodeLoads())) return t.skip('needs tfjs-node (npm run setup:tensorflow), which does not load here')
  const points = Array.from({ length: 30 }, (_, at) =>
    detection(2459000.5 + at * 1.7, at % 2 === 0 ? 1 : 2, 18 + Math.sin(at))
  )
  const question = { curve: steppedCurve(points), jd: 2460000.5, state: null }
  const answers: Float64Array[] = []
  for (const runtime of ['wasm', 'node'] as const) {
    const classifier = await loadClassifier(bundledModel, { runtime })
    assert.equal(classifier.runtime, runtime)
    const [reply] = await classifier.classify([question])
    answers.push(reply?.answer.probability as Float64Array)
    classifier.dispose()
  }
  await createRuntime('wasm')
  answers[0]?.forEach((probability, node) => {
    assert.ok(Math.abs(probability - (answers[1]?.[node] ?? Number.NaN)) < 1e-5)
  })
})

test('loading a model prints nothing, and leaves nothing that keeps the process alive', () => {
  const program = `
    import { loadClassifier } from './src/classifier/classifier.ts'
    import { bundledModel } from './src/classifier/model-folder.ts'
    await loadClassifier(bundledModel)
  `
  const command = [...fromSource, '--input-type=module', '-e', program]
  const printed = execFileSync(process.execPath, command, { cwd: root, encoding: 'utf8', timeout: 300_000 })
  assert.equal(printed, '')
})
