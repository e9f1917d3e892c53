import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ContextTerm, contextFeatureNames } from 'hierax/classifier/probabilities/context.ts'
import { besideGalaxy, onStar } from '../../../test/classifier/probabilities/context-support.ts'
import {
  ContextProblem,
  type ContextSample,
  defaultContextAugmentation,
  defaultContextFit,
  fitContext,
  variedContext
} from '../../src/context/context-fit.ts'
import { formatContext } from '../../src/model-writer.ts'
import { nodeWeights, Whxe } from '../../src/network/whxe.ts'
import { random } from '../../src/random.ts'
import { smallTaxonomy as tree } from '../support.ts'

const [a, a1, b] = [tree.indexOf('A'), tree.indexOf('A1'), tree.indexOf('B')]
const even = Float64Array.from(tree.nodes, () => 0.5)

/** Objects of A beside galaxies and of B on stars, each with a part of the other; the network knows nothing. */
function madeSamples(ofA: number, ofB: number, mistaken = 0.1): ContextSample[] {
  const draw = random(9)
  return Array.from({ length: ofA + ofB }, (_, at) => {
    const isA = at < ofA
    const looksA = at % Math.round(1 / mistaken) === 0 ? !isA : isA
    const { context, ...rest } = looksA ? besideGalaxy : onStar
    const view = { ...rest, context: { ...context, distpsnr1: (context.distpsnr1 as number) * draw.uniform(0.5, 1.5) } }
    return { objectId: `o${at}`, node: isA ? a1 : b, view, logits: new Float64Array(tree.nodes.length), weight: 1 }
  })
}

const options = { ...defaultContextFit, parents: ['Root'], augmentation: { ...defaultContextAugmentation, copies: 0 } }

/** What context says for A against B. */
function logOdds(file: ReturnType<typeof fitContext>, view: typeof onStar): number {
  const logits = new Float64Array(tree.nodes.length)
  new ContextTerm(file, tree).addTo(view, logits)
  return (logits[a] as number) - (logits[b] as number)
}

test('context learns what tells classes apart', () => {
  const file = fitContext(tree, madeSamples(100, 100), even, options)
  assert.deepEqual(file.nodes, ['A', 'B', 'C'])
  assert.ok(logOdds(file, besideGalaxy) > 1)
  assert.ok(logOdds(file, onStar) < -1)
})

test('the term holds no class mix of its sample', () => {
  const decay = { ...options, decay: 1e-4 }
  const balanced = fitContext(tree, madeSamples(200, 200), even, decay)
  const lopsided = fitContext(tree, madeSamples(400, 100), even, decay)
  for (const view of [onStar, besideGalaxy]) {
    assert.ok(Math.abs(logOdds(balanced, view) - logOdds(lopsided, view)) < 0.3)
  }
})

test('what the network says already is not said again', () => {
  const knowing = madeSamples(100, 100).map(sample => {
    const logits = new Float64Array(tree.nodes.length)
    logits[sample.view.context.distpsnr1! > 1 ? a : b] = 3
    return { ...sample, logits }
  })
  assert.ok(Math.abs(logOdds(fitContext(tree, knowing, even, options), onStar)) < 1)
})

test('the same samples give the same file', () => {
  const fit = () => formatContext(fitContext(tree, madeSamples(20, 20), even))
  assert.equal(fit(), fit())
})

test('by default groups with enough objects get terms', () => {
  const samples = madeSamples(20, 20)
  assert.deepEqual(fitContext(tree, samples, even).nodes, ['A', 'B', 'C'])
  const split = samples.map((sample, at) => (at < 10 ? { ...sample, node: tree.indexOf('A2') } : sample))
  assert.deepEqual(fitContext(tree, split, even).nodes, ['A', 'B', 'C', 'A1', 'A2'])
})

test('the gradient is that of the loss', () => {
  const samples = madeSamples(6, 6)
  const width = contextFeatureNames.length
  const draw = random(3)
  const weights = nodeWeights(
    tree,
    samples.map(({ node }) => node),
    'labels'
  )
  const rows = {
    count: samples.length,
    features: Float64Array.from({ length: samples.length * width }, () => draw.normal()),
    offsets: Float64Array.from({ length: samples.length * tree.nodes.length }, () => draw.normal()),
    labels: Int32Array.from(samples, ({ node }) => node),
    weights: new Float64Array(samples.length).fill(1 / samples.length)
  }
  const groups = tree.siblings.filter(group => group.length > 1)
  const whxe = new Whxe(tree, weights, { alpha: 0.3, beta: 0.5 })
  const problem = new ContextProblem(rows, whxe, tree, groups, { bound: 4, decay: 0.01 })
  const point = Float64Array.from({ length: problem.length }, () => 0.3 * draw.normal())
  const gradient = new Float64Array(point.length)
  problem.loss(point, gradient)
  const ignored = new Float64Array(point.length)
  for (let at = 0; at < point.length; at += 7) {
    const moved = (by: number) =>
      problem.loss(
        point.map((value, i) => value + (i === at ? by : 0)),
        ignored
      )
    const slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
    assert.ok(Math.abs(slope - (gradient[at] as number)) < 1e-7, `${at}: ${slope}, ${gradient[at]}`)
  }
})

test('a younger survey has a shorter history, and fields go missing', () => {
  const draw = random(4)
  const settings = { ...defaultContextAugmentation, eraChanged: 1, originDropped: 0.5 }
  let missing = 0
  for (let at = 0; at < 200; at++) {
    const { context, jd, magnitude } = variedContext(onStar, settings, draw)
    assert.equal(jd, onStar.jd)
    assert.equal(magnitude, onStar.magnitude)
    if (context.jdstarthist !== null) assert.ok(context.jdstarthist >= 2458200 && context.jdstarthist < jd)
    if (context.ndethist !== null) assert.ok(context.ndethist >= 1 && context.ndethist <= 300)
    if (context.neargaia === null) missing++
  }
  assert.ok(missing > 60 && missing < 150)
})
