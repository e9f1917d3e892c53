import { type Alert, History } from '../../../src/alerts/alert.ts'
import type { Answer, Classifier } from '../../../src/classifier/types.ts'
import { HieraxError } from '../../../src/errors.ts'
import { detectionAt } from '../../lightcurves/observations.ts'
import { fakeClassifier } from '../../support/fake-classifier.ts'
import { alertOf } from '../../support/pipeline.ts'
import type { Conditions } from './conditions.ts'

const nodes = ['Stellar', 'AGN', 'SN Ia', 'SN II']
const julianDateOfEpoch = 2440587.5
const historyPoints = 1
const template = alertOf('ZTF26', detectionAt(julianDateOfEpoch))

/** Numbers of (0, 1) that fill it evenly: shares hold without chance. */
function* evenly(step: number): Generator<number, never> {
  for (let n = 1; ; n++) yield (n * step) % 1
}

/** The content of packets, and the network's answers, in the shares of the conditions. */
export class Survey {
  conditions: Conditions
  #alerts = 0
  readonly #draws = [0.6180339887, 0.4142135623, 0.7320508075, 0.2360679774].map(evenly)

  constructor(conditions: Conditions) {
    this.conditions = conditions
  }

  /** The alert of a packet, or the error of one that cannot be decoded. */
  readonly decode = (): Alert[] => {
    const { unreadable, bogus, ageHours, invalidPoints } = this.conditions
    if (this.#draw(0) < unreadable) throw new HieraxError('TRUNCATED', 'It ends within a record')
    const jd = julianDateOfEpoch + Date.now() / 86_400_000 - ageHours / 24
    const invalid = Math.round(invalidPoints * historyPoints + this.#draw(1) - 0.5)
    const realBogus = this.#draw(2) < bogus ? 0.01 : 0.9
    const history = Array.from({ length: historyPoints - invalid }, (_, i) => ({
      programId: 1,
      observation: detectionAt(jd - 1 - i, { own: false })
    }))
    const { record } = template
    const photometry = { ...record.photometry!, realBogus }
    return [
      {
        ...template,
        objectId: `ZTF26${this.#alerts++}`,
        observation: detectionAt(jd),
        record: { ...record, jd, photometry },
        history: History.of(history),
        dropped: { future: 0, invalid }
      }
    ]
  }

  readonly classifier: Classifier = {
    ...fakeClassifier('net'),
    nodes: nodes.map(name => ({ name, parent: 'Object' })),
    classify: async questions => questions.map(() => ({ answer: this.#answer(), state: new Uint8Array(0), steps: 1 })),
    tensors: () => this.conditions.tensors
  }

  #answer(): Answer {
    const { classes, unfamiliar } = this.conditions
    const drawn = this.#draw(3)
    const below = (last: number) => nodes.slice(0, last + 1).reduce((total, name) => total + (classes[name] ?? 0), 0)
    const node = nodes.find((_, index) => drawn < below(index)) ?? 'Stellar'
    const probability = Float64Array.from(nodes, name => (name === node ? 0.7 : 0.1))
    return {
      conditional: probability,
      probability,
      prediction: { node, probability: 0.7, path: [node] },
      novelty: this.#draw(1) < unfamiliar ? 0.99 : 0.3,
      evidence: nodes.map(name => ({ node: name, lightCurve: 0, context: 0, prior: 0 }))
    }
  }

  #draw(which: number): number {
    return this.#draws[which]!.next().value
  }
}
