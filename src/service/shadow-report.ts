import { provenanceOf } from '../messages/classification.ts'
import type { Agreement } from '../pipeline/agreement.ts'
import type { Disagreement, ShadowResult } from '../pipeline/shadows.ts'
import type { ComparisonView, DisagreementView, ModelView } from './schema/schemas.ts'

/** Number of disagreements that are kept, the latest. */
const maxDisagreements = 10_000

interface Kept {
  readonly sha256: string
  readonly disagreement: Disagreement
}

interface Totals {
  readonly pairs: Map<string, { readonly pair: ShadowResult['pairs'][number]; alerts: number }>
  busy: number
  failed: number
  seconds: number
}

/** What shadow models did since the start, and their latest disagreements with the model in use. */
export class ShadowReport {
  /** ISO 8601; nothing earlier is known, because all is in memory. */
  readonly since = new Date().toISOString()
  readonly #models: ReadonlyMap<string, ModelView>
  readonly #totals: ReadonlyMap<string, Totals>
  readonly #disagreements: Kept[] = []
  readonly #capacity: number

  constructor(models: readonly ModelView[], capacity = maxDisagreements) {
    this.#models = new Map(models.map(model => [model.sha256, model]))
    this.#totals = new Map(models.map(({ sha256 }) => [sha256, { pairs: new Map(), busy: 0, failed: 0, seconds: 0 }]))
    this.#capacity = capacity
  }

  get models(): readonly ModelView[] {
    return [...this.#models.values()]
  }

  add({ sha256, pairs, disagreements, skipped, seconds }: ShadowResult): void {
    const totals = this.#totals.get(sha256)
    if (!totals) return
    totals.busy += skipped.busy
    totals.failed += skipped.failed
    totals.seconds += seconds
    for (const pair of pairs) {
      const key = JSON.stringify(pair.slice(0, 2))
      const known = totals.pairs.get(key) ?? { pair, alerts: 0 }
      known.alerts += pair[3]
      totals.pairs.set(key, known)
    }
    for (const disagreement of disagreements) this.#disagreements.push({ sha256, disagreement })
    // Removed in large pieces, so that each costs little.
    if (this.#disagreements.length > 1.1 * this.#capacity)
      this.#disagreements.splice(0, this.#disagreements.length - this.#capacity)
  }

  /** The latest accepted disagreements, at most `limit`, newest first. */
  latest(limit: number, accept: (disagreement: DisagreementView) => boolean): DisagreementView[] {
    const found: DisagreementView[] = []
    const oldest = Math.max(0, this.#disagreements.length - this.#capacity)
    for (let at = this.#disagreements.length - 1; at >= oldest && found.length < limit; at--) {
      const { sha256, disagreement } = this.#disagreements[at] as Kept
      const { name, version } = this.#models.get(sha256) as ModelView
      const view = { ...disagreement, model: { name, version, sha256 } }
      if (accept(view)) found.push(view)
    }
    return found
  }

  /** Totals of every shadow model. */
  comparisons(): ComparisonView[] {
    return [...this.#models].map(([sha256, model]) => {
      const { pairs, busy, failed, seconds } = this.#totals.get(sha256) as Totals
      const counted = { same: 0, ancestor: 0, different: 0, incomparable: 0 }
      const table: { live: string | null; shadow: string | null; agreement: Agreement; alerts: number }[] = []
      for (const { pair, alerts } of pairs.values()) {
        const [live, shadow, agreement] = pair
        counted[agreement] += alerts
        table.push({ live, shadow, agreement, alerts })
      }
      const comparable = counted.same + counted.ancestor + counted.different
      return {
        model: provenanceOf(model),
        alerts: comparable + counted.incomparable,
        agreement: comparable > 0 ? counted.same / comparable : null,
        ...counted,
        skipped: { busy, failed },
        seconds,
        pairs: table.sort((a, b) => b.alerts - a.alerts)
      }
    })
  }
}
