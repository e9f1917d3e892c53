import { createHash } from 'node:crypto'
import type { Classifier, Question, Reply } from '../../src/classifier/types.ts'

/** A fake classifier with a list of its questions, and whether each had a state. */
export interface FakeClassifier extends Classifier {
  readonly asked: { jd: number; warm: boolean }[]
}

/**
 * A classifier with two leaves whose answer is a pure function of the light curve up to the requested time, for tests of the code around
 * a classifier.
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
