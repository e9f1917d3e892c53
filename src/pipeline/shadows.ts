import type { AdmissionSettings } from '../alerts/admission.ts'
import type { Classifier } from '../classifier/types.ts'
import { HieraxError } from '../errors.ts'
import type { Store } from '../lightcurves/store.ts'
import type { Classification } from '../messages/classification.ts'
import { type Agreement, comparerOf } from './agreement.ts'
import { ObjectClassifier } from './object-classifier.ts'
import type { PendingAnswer } from './pending-answers.ts'

/** What a model predicts; null without a prediction. */
export interface PredictedNode {
  readonly node: string | null
  readonly probability: number | null
}

/** An alert for which the predictions of a shadow model and of the published one differ. */
export interface Disagreement {
  readonly objectId: string
  /** In decimal digits, because it may exceed 2^53. */
  readonly candid: string
  /** Julian date of the alert, days. */
  readonly jd: number
  readonly agreement: Agreement
  readonly live: PredictedNode
  readonly shadow: PredictedNode
}

/** What a shadow model did with a batch. Plain values, so that a worker can send it to its parent. */
export interface ShadowResult {
  readonly sha256: string
  /** Number of alerts by the predicted nodes of the published and of the shadow model, and by how these agree. */
  readonly pairs: readonly (readonly [live: string | null, shadow: string | null, Agreement, number])[]
  readonly disagreements: readonly Disagreement[]
  /** Skipped alerts: they arrived faster than the model classifies, or the model failed. */
  readonly skipped: { readonly busy: number; readonly failed: number }
  readonly seconds: number
}

/** Dependencies and settings of {@link Shadows}. */
export interface ShadowOptions {
  readonly store: Pick<Store, 'readCache' | 'writeCache'>
  readonly classifiers: readonly Classifier[]
  /** The model whose published classifications are compared. */
  readonly live: Classifier
  readonly admission: AdmissionSettings
  readonly onResult: (result: ShadowResult) => void
  readonly onFailure: (classifier: Classifier, error: HieraxError) => void
}

/** Maximum number of alerts that wait for the shadow models. Further alerts are skipped, so that publication never waits. */
const maxWaiting = 2000

interface ShadowModel {
  readonly classifier: Classifier
  readonly objects: ObjectClassifier
  readonly compare: ReturnType<typeof comparerOf>
}

interface Answered {
  readonly alert: PendingAnswer
  readonly classification: Classification
}

/**
 * Classifies alerts with models whose classifications are not published, after those of the published model have been published. It keeps
 * hidden states in the cache of the store, and nothing else.
 */
export class Shadows {
  readonly #options: ShadowOptions
  readonly #models: readonly ShadowModel[]
  #waiting = 0
  #last: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: ShadowOptions) {
    this.#options = options
    const { store, admission, live } = options
    this.#models = options.classifiers.map(classifier => ({
      classifier,
      objects: new ObjectClassifier({ store, admission, classifiers: [classifier] }),
      compare: comparerOf(live.nodes, classifier.nodes)
    }))
  }

  /** Takes the alerts of a batch, with the classifications of the published model. Returns at once and never throws. */
  compare(alerts: readonly PendingAnswer[], classifications: readonly Classification[]): void {
    const answered = alerts
      .map((alert, index) => ({ alert, classification: classifications[index] as Classification }))
      .filter(({ alert, classification }) => alert.kind !== 'reissued' && classification.status === 'CLASSIFIED')
    if (answered.length === 0 || this.#stopped) return
    if (this.#waiting > 0 && this.#waiting + answered.length > maxWaiting) {
      for (const { classifier } of this.#models) this.#report(classifier, { busy: answered.length, failed: 0 })
      return
    }
    this.#waiting += answered.length
    this.#last = this.#last.then(async () => {
      for (const model of this.#models) if (!this.#stopped) await this.#run(model, answered)
      this.#waiting -= answered.length
    })
  }

  /** Skips the waiting alerts, and resolves when the batch in progress is done. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#last
  }

  async #run({ classifier, objects, compare }: ShadowModel, answered: readonly Answered[]): Promise<void> {
    const began = performance.now()
    const seconds = (): number => (performance.now() - began) / 1000
    try {
      const { classifications, hiddenStates } = await objects.classify(answered.map(({ alert }) => alert))
      await this.#options.store.writeCache(hiddenStates).catch(() => {}) // only a cache
      const compared = answered.map(({ classification: live }, index): Disagreement => {
        const shadow = classifications[0]?.[index] as Classification
        const { objectId, jd } = live
        const agreement = compare(live.prediction, shadow.prediction)
        return {
          objectId,
          candid: String(live.candid),
          jd,
          agreement,
          live: predicted(live),
          shadow: predicted(shadow)
        }
      })
      this.#report(classifier, { busy: 0, failed: 0 }, seconds(), compared)
    } catch (thrown) {
      this.#report(classifier, { busy: 0, failed: answered.length }, seconds())
      this.#options.onFailure(classifier, HieraxError.from(thrown))
    }
  }

  #report(
    { sha256 }: Classifier,
    skipped: ShadowResult['skipped'],
    seconds = 0,
    compared: readonly Disagreement[] = []
  ): void {
    const pairs = new Map<string, [string | null, string | null, Agreement, number]>()
    for (const { live, shadow, agreement } of compared) {
      const key = JSON.stringify([live.node, shadow.node])
      const pair = pairs.get(key) ?? [live.node, shadow.node, agreement, 0]
      pair[3]++
      pairs.set(key, pair)
    }
    const disagreements = compared.filter(({ agreement }) => agreement !== 'same')
    this.#options.onResult({ sha256, pairs: [...pairs.values()], disagreements, skipped, seconds })
  }
}

function predicted({ prediction }: Classification): PredictedNode {
  return { node: prediction?.node ?? null, probability: prediction?.probability ?? null }
}
