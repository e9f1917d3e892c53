import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTaxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { nodeProbabilities } from 'hierax/classifier/probabilities/probabilities.ts'
import { root } from '../../../test/support/shared.ts'
import { teacherLoss } from '../../src/network/distillation.ts'
import { logitCorrection, nodeWeights, samplingCorrection, Whxe } from '../../src/network/whxe.ts'
import { smallTaxonomy as tree } from '../support.ts'

const [A, A1, A2, B, C, C1] = [0, 1, 2, 3, 4, 5] as const
const ones = new Float64Array(6).fill(1)

function close(actual: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} to ${tolerance}`)
}

test("W is the paper's on the paper's set", () => {
  const file = path.join(root, 'models/taxonomies/whxe-2023.json')
  const taxonomy = parseTaxonomy(readFileSync(file, 'utf8'))
  // N_C of the paper; the remaining events are spread over other labels, to 32 labels and 6278 events in all.
  const at = (name: string): number => taxonomy.indexOf(name)
  const events: Record<string, number> = {
    AGN: 50,
    QSO: 1,
    CV: 103,
    Nova: 14,
    Varstar: 40,
    'SN Ia': 4300,
    'SN Ia-91T': 60,
    'SN Ia-91bg-like': 30,
    'SN Ia-CSM': 10,
    'SN Ia-SC': 4,
    'SN Ia-pec': 11,
    'SN Iax': 1,
    'SLSN-I': 89,
    'SLSN-II': 60,
    'SN II': 950,
    'SN II-pec': 4,
    'SN IIb': 65,
    'SN IIn': 196,
    'SN Ib/c': 30,
    'SN Ib': 90,
    'SN Ib-pec': 2,
    'SN Ibn': 12,
    'SN Ic': 90,
    'SN Ic-BL': 30,
    'SN Ic-Ca-rich': 4,
    'SN Ic-pec': 2,
    'SN Icn': 2,
    TDE: 20,
    LBV: 4,
    ILRT: 2,
    LRN: 1,
    ILOT: 1
  }
  const labels = Object.entries(events).flatMap(([name, count]) => Array<number>(count).fill(at(name)))
  assert.equal(labels.length, 6278)
  assert.equal(new Set(labels).size, 32)
  const weights = nodeWeights(taxonomy, labels, 'labels')
  const paper = { AGN: 3.8468, CV: 1.9047, 'SLSN-I': 2.2044, SN: 0.03247, 'SN Ia': 0.04443, 'SN II': 0.19253 }
  const more = { 'SN IIn': 1.00096, 'SN Ib/c': 0.74881, Nova: 14.013, QSO: 196.19 }
  for (const [name, wanted] of Object.entries({ ...paper, ...more })) {
    const got = weights[at(name)] as number
    assert.ok(Math.abs(got / wanted - 1) < 1e-4, `W(${name}) = ${got}, want ${wanted}`)
  }
})

test('W: N_labels by labels or by nodes, and 0 for a node without events', () => {
  // Events: A1, A1, A (an inner node), B: N_A = 3, N_A1 = 2, N_B = 1.
  const labels = [A1, A1, A, B]
  assert.deepEqual([...nodeWeights(tree, labels, 'labels')], [4 / 9, 4 / 6, 0, 4 / 3, 0, 0])
  assert.deepEqual([...nodeWeights(tree, labels, 'nodes')], [4 / 21, 4 / 14, 0, 4 / 7, 0, 0])
})

test('an event at the root counts in N_all and nowhere else', () => {
  // N_all = 2, N_labels = 2, N_A = N_A1 = 1.
  assert.deepEqual([...nodeWeights(tree, [-1, A1], 'labels')], [1, 1, 0, 0, 0, 0])
})

test('the loss is the hand-computed one', () => {
  // Siblings A, B, C with logits ln 2, ln 3, ln 5: p(A) = 0.2. A1, A2 with ln 1, ln 3: p(A2 | A) = 0.75.
  const logits = [Math.log(2), Math.log(1), Math.log(3), Math.log(3), Math.log(5), 7]
  const plain = new Whxe(tree, ones, { alpha: 0, beta: 0 })
  close(plain.loss(logits, A2), -Math.log(0.2) - Math.log(0.75))
  close(plain.loss(logits, A), -Math.log(0.2))
  const weights = Float64Array.of(4, 1, 9, 1, 1, 1)
  const weighted = new Whxe(tree, weights, { alpha: 0.5, beta: 0.5 })
  close(weighted.loss(logits, A2), -2 * Math.exp(-0.5) * Math.log(0.2) - 3 * Math.exp(-1) * Math.log(0.75))
})

test('an only child costs what its parent costs, the root nothing', () => {
  const logits = [0.3, 0, 0, -0.1, 0.8, 123]
  const whxe = new Whxe(tree, ones, { alpha: 0, beta: 0 })
  assert.equal(whxe.loss(logits, C1), whxe.loss(logits, C))
  assert.equal(whxe.loss(logits, -1), 0)
  const gradient = new Float32Array(6)
  whxe.loss(logits, C1, gradient)
  assert.equal(gradient[C1], 0)
})

test('large logits neither overflow nor lose the loss', () => {
  const whxe = new Whxe(tree, ones, { alpha: 0, beta: 0 })
  close(whxe.loss([1e4, 0, 0, 0, 0, 0], B), 1e4)
  assert.equal(whxe.loss([1e4, -1e4, 1e4, 0, 0, 0], A2), 0)
})

test('the gradient is that of finite differences, at any scale', () => {
  const logit = fc.double({ min: -4, max: 4, noNaN: true })
  const vector = fc.array(logit, { minLength: 6, maxLength: 6 })
  fc.assert(
    fc.property(
      vector,
      fc.constantFrom(A, A1, A2, B, C, C1),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (at, label, s) => {
        const whxe = new Whxe(tree, Float64Array.of(0.5, 2, 3, 1, 7, 0.1), { alpha: 0.5, beta: s })
        const gradient = new Float32Array(6)
        whxe.loss(at, label, gradient, 3)
        const step = 1e-5
        for (let node = 0; node < 6; node++) {
          const moved = (by: number): number => whxe.loss(at.with(node, (at[node] as number) + by), label)
          close(gradient[node] as number, (3 * (moved(step) - moved(-step))) / (2 * step), 2e-5)
        }
      }
    )
  )
})

test('the correction divides conditionals by W^β and renormalises', () => {
  const weights = Float64Array.of(4, 0, 9, 1, 25, 3)
  const logits = [0.2, 0.4, -0.6, 1, 0.1, 5]
  const before = nodeProbabilities(tree, logits).conditional
  const correction = logitCorrection(tree, weights, 0.5)
  const after = nodeProbabilities(
    tree,
    logits.map((logit, node) => logit + (correction[node] as number))
  ).conditional
  const divided = [A, B, C].map(node => (before[node] as number) / Math.sqrt(weights[node] as number))
  const total = divided.reduce((sum, each) => sum + each, 0)
  for (const [which, node] of [A, B, C].entries()) close(after[node] as number, (divided[which] as number) / total)
  // A1 has no events: its odds against A2 stay as they are.
  close(after[A1] as number, before[A1] as number)
  assert.equal(after[C1], 1)
  assert.deepEqual([...logitCorrection(tree, weights, 0)], [0, 0, 0, 0, 0, 0])
})

test('weights make rare nodes likelier, and the correction undoes it at the optimum', () => {
  // Two siblings with 90 and 10 events and no inputs: the optimum of the weighted loss is p ∝ N · W^β.
  const [n1, n2] = [90, 10]
  const labels = [...Array<number>(n1).fill(A1), ...Array<number>(n2).fill(A2)]
  const weights = nodeWeights(tree, labels, 'labels')
  const whxe = new Whxe(tree, weights, { alpha: 0, beta: 1 })
  const logits = new Float64Array(6)
  for (let step = 0; step < 3000; step++) {
    const gradient = new Float32Array(6)
    const second = new Float32Array(6)
    whxe.loss(logits, A1, gradient, n1 / 100)
    whxe.loss(logits, A2, second, n2 / 100)
    for (let node = 0; node < 6; node++) logits[node]! -= 2 * ((gradient[node] as number) + (second[node] as number))
  }
  close(nodeProbabilities(tree, logits).conditional[A2] as number, 0.5, 1e-4)
  const correction = logitCorrection(tree, weights, 1)
  const corrected = nodeProbabilities(
    tree,
    logits.map((logit, node) => logit + (correction[node] as number))
  )
  close(corrected.conditional[A2] as number, 0.1, 1e-4)
})

test("the distance from a teacher is 0 at the teacher's own logits, above 0 elsewhere, and its gradient is right", () => {
  const vector = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 6, maxLength: 6 })
  fc.assert(
    fc.property(vector, vector, (teacher, at) => {
      const { conditional } = nodeProbabilities(tree, teacher)
      const loss = (logits: number[]): number => teacherLoss(tree, logits, conditional, new Float32Array(6), 1)
      close(loss(teacher), 0)
      assert.ok(loss(at) >= -1e-12)
      const gradient = new Float32Array(6)
      teacherLoss(tree, at, conditional, gradient, 2)
      for (let node = 0; node < 6; node++) {
        const moved = (by: number): number => loss(at.with(node, (at[node] as number) + by))
        close(gradient[node] as number, (2 * (moved(1e-5) - moved(-1e-5))) / 2e-5, 1e-5)
      }
    })
  )
})

test('the distance from a teacher by hand', () => {
  // Teacher: A 0.5, B 0.3, C 0.2; A1 0.9, A2 0.1. Student: all alike.
  const said = [0.5, 0.9, 0.1, 0.3, 0.2, 1]
  const top = 0.5 * Math.log(1.5) + 0.3 * Math.log(0.9) + 0.2 * Math.log(0.6)
  const below = 0.5 * (0.9 * Math.log(1.8) + 0.1 * Math.log(0.2))
  close(teacherLoss(tree, [0, 0, 0, 0, 0, 0], said, new Float32Array(6), 1), top + below)
})

test('uneven draws make rare labels likelier, and the correction gives the shares of all objects back', () => {
  const labels = [...Array<number>(81).fill(A1), ...Array<number>(16).fill(A2), ...Array<number>(3).fill(B)]
  for (const power of [0.5, 1]) {
    const drawn = (count: number): number => count ** (1 - power)
    const [a1, a2, b] = [drawn(81), drawn(16), drawn(3)]
    // What a network without inputs would learn from the draws; C has no objects.
    const learned = Float64Array.of(Math.log(a1 + a2), Math.log(a1), Math.log(a2), Math.log(b), -50, 0)
    const correction = samplingCorrection(tree, labels, power)
    const { probability } = nodeProbabilities(
      tree,
      learned.map((logit, node) => logit + (correction[node] as number))
    )
    for (const [node, share] of [
      [A, 0.97],
      [A1, 0.81],
      [A2, 0.16],
      [B, 0.03]
    ] as const) {
      close(probability[node] as number, share, 1e-9)
    }
  }
  assert.deepEqual([...samplingCorrection(tree, labels, 0)], [0, 0, 0, 0, 0, 0])
})
