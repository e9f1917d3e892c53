import { createHash } from 'node:crypto'
import type { Classifier, Question, Reply } from '../../src/classifier/types.ts'

/** Questions a fake classifier was asked, and how many of them came with a usable state. */
export interface FakeClassifier extends Classifier {
  readonly asked: { jd: number; warm: boolean }[]
}

/**
 * A classifier of two leaves whose answer is a pure function of the light curve up to the time asked for: enough to test
 * what goes on around a classifier.
 */
export function fakeClassifier(name = 'fake'): FakeClassifier {
  const asked: { jd: number; warm: boolean }[] = []
  const reply = ({ curve, jd, state }: Question): Reply => {
    const prefix = curve.upTo(jd)
    asked.push({ jd, warm: state !== null })
    const a = Number(prefix.hash % 1000n) / 1000
    return {
      answer: {
        conditional: Float64Array.of(1, a, 1 - a),
        probability: Float64Array.of(1, a, 1 - a),
        prediction: { node: 'Any', probability: 1, path: ['Any'] },
        novelty: null,
        evidence: [{ node: 'Any', lightCurve: 0, context: 0, prior: 0 }]
      },
      state: Buffer.from(String(prefix.hash)),
      steps: prefix.detections
    }
  }
  return {
    name,
    version: '1',
    sha256: createHash('sha256').update(name).digest('hex'),
    taxonomy: 'fake',
    taxonomyVersion: '1',
    root: 'Object',
    nodes: [
      { name: 'Any', parent: 'Object' },
      { name: 'A', parent: 'Any' },
      { name: 'B', parent: 'Any' }
    ],
    runtime: 'wasm',
    population: null,
    asked,
    classify: async questions => questions.map(reply),
    tensors: () => 0,
    dispose: () => {}
  }
}
