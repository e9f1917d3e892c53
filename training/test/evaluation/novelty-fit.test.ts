import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { loadClassifier, RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import { sha256Hex } from 'hierax/classifier/model/card.ts'
import { readModelFolder } from 'hierax/classifier/model-folder.ts'
import { createRuntime, type Runtime } from 'hierax/classifier/network/runtime.ts'
import {
  type NoveltyFile,
  NoveltyProbe,
  noveltyFeatures,
  parseNovelty
} from 'hierax/classifier/probabilities/novelty.ts'
import { areaUnderCurve } from '../../src/evaluation/metrics.ts'
import { collectNoveltyFeatures, fitNovelty, noveltyScale, noveltyScores } from '../../src/evaluation/novelty-fit.ts'
import { curveOf } from '../../src/evaluation/predict.ts'
import { formatCard, formatNovelty } from '../../src/model-writer.ts'
import { madeModel, madeObject, madeObjects, smallTaxonomy as tree } from '../support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-novelty-'))
after(() => rmSync(folder, { recursive: true }))

const objects = madeObjects(60)
let runtime: Runtime
let novelty: NoveltyFile

before(async () => {
  runtime = await createRuntime('wasm')
  const classifier = await madeModel(path.join(folder, 'without'), runtime, objects)
  const features = await collectNoveltyFeatures(classifier, objects)
  classifier.dispose()
  const fitted = fitNovelty(features, objects.length)
  novelty = { ...fitted, ...noveltyScale(noveltyScores(fitted, features), 'made objects') }
  const probed = await madeModel(path.join(folder, 'with'), runtime, objects, { novelty })
  probed.dispose()
})

test('the score is the logarithm of the Mahalanobis distance and the energy, each in units of its deviation', () => {
  const cloud = Array.from({ length: 400 }, (_, at) => {
    const [x, y] = [Math.sin(at * 1.7), Math.cos(at * 2.3)]
    return { mean: Float32Array.of(3 * x, x + 0.5 * y), energy: Math.sin(at), detections: 1 }
  })
  const fitted = fitNovelty(cloud, 400)
  const [score] = noveltyScores(fitted, [{ mean: Float32Array.of(1, -2), energy: 0.25, detections: 1 }])
  const average = (of: (each: (typeof cloud)[number]) => number): number =>
    cloud.reduce((sum, each) => sum + of(each), 0) / cloud.length
  const [mx, my] = [average(({ mean }) => mean[0] as number), average(({ mean }) => mean[1] as number)]
  const moment = (a: 0 | 1, b: 0 | 1): number =>
    average(({ mean }) => ((mean[a] as number) - [mx, my][a]!) * ((mean[b] as number) - [mx, my][b]!))
  const [xx, xy, yy] = [moment(0, 0), moment(0, 1), moment(1, 1)]
  const sphere = (0.01 * (xx + yy)) / 2
  const [a, b, c] = [0.99 * xx + sphere, 0.99 * xy, 0.99 * yy + sphere]
  const squared = (x: number, y: number): number => (c * x * x - 2 * b * x * y + a * y * y) / (a * c - b * b)
  const logs = cloud.map(({ mean }) => Math.log(squared((mean[0] as number) - mx, (mean[1] as number) - my)))
  const standard = (value: number, values: readonly number[]): number => {
    const mean = values.reduce((sum, each) => sum + each, 0) / values.length
    return (value - mean) / Math.sqrt(values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length)
  }
  const energies = cloud.map(({ energy }) => energy)
  const wanted = standard(Math.log(squared(1 - mx, -2 - my)), logs) + standard(0.25, energies)
  assert.ok(Math.abs((score?.score ?? 0) - wanted) < 1e-4, `${score?.score} ${wanted}`)
})

test('the energy sums over groups of siblings', () => {
  const { energy } = noveltyFeatures(tree, Float32Array.of(0), Float32Array.of(1, 2, 3, 4, 5, 6), 1)
  const lse = (...values: number[]): number => Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0))
  assert.ok(Math.abs(energy + lse(1, 4, 5) + lse(2, 3) + 6) < 1e-9)
})

test('on its scale, a share p of the known objects has a novelty of at most p, at every number of detections', () => {
  const scores = Array.from({ length: 3000 }, (_, at) => {
    const detections = 1 + (at % 30)
    return { detections, score: detections + 2 * Math.sin(at * 12.9898) }
  })
  const scale = noveltyScale(scores, 'made')
  assert.ok(scale.scale.length > 2)
  assert.equal(scale.scale.at(-1)?.untilDetections, null)
  const spread = { mean: 0, deviation: 1 }
  const off = { mean: 0, deviation: Number.MAX_VALUE }
  const probe = new NoveltyProbe({ ...scale, distance: off, energy: spread, centre: [0], whitening: [[1]] })
  let from = 0
  for (const { untilDetections } of scale.scale) {
    const until = untilDetections ?? 100
    const some = scores
      .filter(({ detections }) => detections > from && detections <= until)
      .map(({ detections, score }) => probe.novelty({ mean: Float32Array.of(1), energy: score, detections }))
    for (const p of [0.1, 0.5, 0.9, 0.95]) {
      const share = some.filter(each => each <= p).length / some.length
      assert.ok(Math.abs(share - p) < 0.02, `${share} of ${some.length} have at most ${p}`)
    }
    from = until
  }
})

test('a higher score never has a lower novelty, and novelty lies in 0 to 1', () => {
  const probe = new NoveltyProbe(novelty)
  const { centre } = novelty
  const featuresWith = (energy: number, detections: number) => ({
    mean: Float32Array.from(centre, x => x + 0.1),
    energy,
    detections
  })
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, min: -1e3, max: 1e3 }),
      fc.double({ noNaN: true, min: 0, max: 50 }),
      fc.integer({ min: 1, max: 1000 }),
      (energy, more, detections) => {
        const [low, high] = [
          probe.novelty(featuresWith(energy, detections)),
          probe.novelty(featuresWith(energy + more, detections))
        ]
        return low >= 0 && high <= 1 && high >= low
      }
    )
  )
})

test('novelty is the same to the bit alone, in any batch and from a cached state', async () => {
  const classifier = await loadClassifier(path.join(folder, 'with'))
  const some = Array.from({ length: 40 }, (_, id) => madeObject(500 + id, id % 6, 3 + (id % 17)))
  const questions = some.map(object => ({ curve: curveOf(object), jd: 2_500_000, state: null }))
  const together = (await classifier.classify(questions)).map(({ answer }) => answer.novelty)
  for (const [at, question] of questions.entries()) {
    const [alone] = await classifier.classify([question])
    assert.equal(alone?.answer.novelty, together[at])
    let state: Uint8Array | null = null
    let last: number | null = null
    for (const { jd, detection } of some[at]?.points ?? []) {
      if (!detection) continue
      const [reply] = await classifier.classify([{ ...question, jd, state }])
      state = reply?.state ?? null
      last = reply?.answer.novelty ?? null
    }
    assert.equal(last, together[at])
    const [again] = await classifier.classify([{ ...question, state }])
    assert.equal(again?.steps, 0)
    assert.equal(again?.answer.novelty, together[at])
  }
  assert.ok(new Set(together).size > 10)
  assert.ok(together.every(each => each !== null && each >= 0 && each <= 1))
  const undetected = { curve: { ...curveOf(some[0]!), length: 0 }, jd: 2_500_000, state: null }
  assert.equal((await classifier.classify([undetected]))[0]?.answer.novelty, null)
  classifier.dispose()
})

test('a model without a probe of novelty says none', async () => {
  const model = await readModelFolder(path.join(folder, 'without'))
  assert.equal(model.novelty, null)
  const classifier = new RecurrentClassifier(model, runtime)
  const [reply] = await classifier.classify([{ curve: curveOf(objects[0]!), jd: 2_500_000, state: null }])
  assert.equal(reply?.answer.novelty, null)
  classifier.dispose()
})

test('the probe at every start covers novelty', async () => {
  const file = path.join(folder, 'with', 'card.json')
  const whole = readFileSync(file)
  const { format, formatVersion, inputs, files, sha256, ...draft } = JSON.parse(whole.toString())
  assert.match(files['novelty.json'], /^[0-9a-f]{64}$/)
  for (const wrong of [draft.probe.novelty > 0.5 ? 0.1 : 0.9, null]) {
    writeFileSync(file, formatCard({ ...draft, probe: { ...draft.probe, novelty: wrong } }, files))
    await assert.rejects(loadClassifier(path.join(folder, 'with')), { code: 'MODEL_INVALID', message: /novelty/ })
  }
  writeFileSync(file, whole)
  const changed = path.join(folder, 'with', 'novelty.json')
  const bytes = readFileSync(changed)
  writeFileSync(changed, Buffer.from(bytes).fill(0x38, 200, 201))
  await assert.rejects(loadClassifier(path.join(folder, 'with')), {
    code: 'MODEL_INVALID',
    message: /novelty\.json: SHA-256/
  })
  writeFileSync(changed, bytes)
  assert.equal(sha256Hex(bytes), files['novelty.json'])
  ;(await loadClassifier(path.join(folder, 'with'))).dispose()
})

for (const [what, change, wanted] of [
  ['a centre of another width', { centre: [1, 2] }, /the centre has 2 numbers, the hidden vector has 5/],
  ['rows that are missing', { whitening: [[1]] }, /whitening has 1 rows/],
  [
    'a row that is too long',
    { whitening: [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1]] },
    /whitening\[4\] has 1 numbers, expected 5/
  ],
  ['levels that stop early', { levels: [0, 0.5] }, /must run from 0 to 1/],
  ['a scale that ends', { scale: [{ untilDetections: 3, scores: [0, 1] }], levels: [0, 1] }, /untilDetections` null/],
  ['scores that fall', { scale: [{ untilDetections: null, scores: [1, 0] }], levels: [0, 1] }, /must ascend/],
  ['a deviation of nothing', { energy: { mean: 0, deviation: 0 } }, /deviation/]
] as const) {
  test(`refused in a novelty file: ${what}`, () => {
    const text = formatNovelty({ ...novelty, ...(change as object) })
    assert.throws(() => parseNovelty(text, 5, 72, 'here'), { code: 'MODEL_INVALID', message: wanted })
  })
}

test('the area under the curve by hand, ties by half', () => {
  assert.equal(areaUnderCurve([3, 1], [0, 2]), 0.75)
  assert.equal(areaUnderCurve([1], [1, 1]), 0.5)
  assert.equal(areaUnderCurve([1, 1], [1, 0]), 0.75)
})
