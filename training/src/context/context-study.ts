import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import type { SteppedCurve, SteppedQuestion } from 'hierax/classifier/network/sequence-rows.ts'
import { type ContextFile, ContextTerm } from 'hierax/classifier/probabilities/context.ts'
import { logSumExp } from 'hierax/classifier/probabilities/probabilities.ts'
import { HieraxError } from 'hierax/errors.ts'
import { admittedCurve } from 'hierax/lightcurves/curve/gates.ts'
import { LightCurve } from 'hierax/lightcurves/curve/light-curve.ts'
import { mergeObservations } from 'hierax/lightcurves/curve/merge.ts'
import { chunks, groupBy, mean, sum } from '../collections.ts'
import {
  type AlertObject,
  type AlertSample,
  knownAlerts,
  topOfSample,
  trainingAdmission
} from '../data/alert-samples.ts'
import { foldOf, nodeOfLabel } from '../data/labelled.ts'
import { lineage, parentOf } from '../tree.ts'
import { type ContextFitOptions, type ContextSample, defaultContextFit, fitContext } from './context-fit.ts'

/** What gives the network's logits: a classifier. */
export interface LogitSource {
  /** Logits over temperature by node, before context and prior. */
  classify(
    questions: readonly (SteppedQuestion & { readonly alert: null })[]
  ): Promise<readonly { readonly logits: Float64Array }[]>
}

/** What a study is made of. */
export interface ContextStudyPlan {
  readonly taxonomy: Taxonomy
  readonly objects: readonly AlertObject[]
  /** Shares of every node in the networks' training (`priors` of the card). */
  readonly shares: Float64Array
  readonly folds: number
  readonly foldSeed: number
  /** The network of a fold: one that has not seen the objects of that fold. */
  readonly network: (fold: number) => LogitSource | Promise<LogitSource>
  readonly options?: ContextFitOptions
}

/** The prediction for an alert, by a network and a context term that were not trained on its object. */
export interface HeldOutAlert {
  readonly objectId: string
  readonly sample: AlertSample
  /** Node of the label; −1 without a label, or for a label that the taxonomy does not have. */
  readonly node: number
  /** Child of the root to which the object belongs, by its group, otherwise by its label; −1 if that is unknown. */
  readonly top: number
  /** Whether it is its object's last of those with a known `top`. */
  readonly isLast: boolean
  readonly logits: Float64Array
  readonly context: Float64Array
  /** Logits of the alert's own packet, alone, with the sign of every point positive; null but for an object's last alert. */
  readonly positiveLogits: Float64Array | null
}

/** What a study found. */
export interface ContextStudy {
  /** Fitted to all labelled alerts, over logits of networks that had not seen them. */
  readonly file: ContextFile
  readonly heldOut: readonly HeldOutAlert[]
  readonly alerts: number
  readonly objects: number
  readonly notes: readonly string[]
}

/** Alerts that go through the network side by side. */
const group = 512

/**
 * Fits a context term, and judges it on objects that neither network nor term have seen: fold by fold. Where the options name no
 * groups of siblings, those with enough objects are tried, and kept where context helps by more than its standard error.
 */
export async function studyContext(plan: ContextStudyPlan): Promise<ContextStudy> {
  const { taxonomy, shares, options = defaultContextFit } = plan
  const { alerts, notes } = knownAlerts(taxonomy, plan.objects)
  if (alerts.length === 0) {
    throw new HieraxError('DATA_INVALID', 'no alert has a label that the taxonomy knows: there is no context to learn')
  }
  const logitsOfSamples = await heldOutLogits(plan)
  const samples = alerts.map(({ object: { objectId }, sample, node, weight }): ContextSample => {
    const { logits } = logitsOfSamples.get(sample) as HeldOutLogits
    return { objectId, node, weight, view: sample.view, logits }
  })
  const foldTerms = (fit: ContextFitOptions): ContextTerm[] =>
    Array.from({ length: plan.folds }, (_, fold) => {
      const others = samples.filter(({ objectId }) => foldOf(objectId, plan.folds, plan.foldSeed) !== fold)
      return new ContextTerm(fitContext(taxonomy, others, shares, fit), taxonomy)
    })
  const tried = foldTerms(options)
  const gains = groupGains(plan, samples, tried)
  const parents = options.parents ?? gains.filter(({ keeps }) => keeps).map(({ parent }) => parent)
  const chosen = { ...options, parents }
  const terms = options.parents === null ? foldTerms(chosen) : tried
  return {
    file: fitContext(taxonomy, samples, shares, chosen),
    heldOut: heldOutAlerts(plan, logitsOfSamples, terms),
    alerts: samples.length,
    objects: new Set(samples.map(({ objectId }) => objectId)).size,
    notes: [...notes, ...gains.map(gainNote)]
  }
}

interface HeldOutLogits {
  readonly logits: Float64Array
  readonly positiveLogits: Float64Array | null
}

/** The logits of every alert that is not refused, each by the network that was not trained on its object. */
async function heldOutLogits({ taxonomy, objects, folds, foldSeed, network }: ContextStudyPlan) {
  const logitsOfSamples = new Map<AlertSample, HeldOutLogits>()
  for (let fold = 0; fold < folds; fold++) {
    const source = await network(fold)
    const some = objects.filter(({ objectId }) => foldOf(objectId, folds, foldSeed) === fold)
    const samples = some.flatMap(object => object.samples.filter(({ refused }) => !refused))
    const last = new Set(some.map(object => lastKnown(taxonomy, object)))
    const tested = samples.filter(sample => last.has(sample))
    const logits = await logitsOf(source, samples, ({ curve }) => curve)
    const positive = await logitsOf(source, tested, allPositive)
    const positiveOf = new Map(tested.map((sample, at) => [sample, positive[at] as Float64Array]))
    samples.forEach((sample, at) => {
      const positiveLogits = positiveOf.get(sample) ?? null
      logitsOfSamples.set(sample, { logits: logits[at] as Float64Array, positiveLogits })
    })
  }
  return logitsOfSamples
}

async function logitsOf(
  source: LogitSource,
  samples: readonly AlertSample[],
  curveOf: (sample: AlertSample) => SteppedCurve
): Promise<Float64Array[]> {
  const logits: Float64Array[] = []
  for (const some of chunks(samples, group)) {
    const questions = some.map(sample => ({ curve: curveOf(sample), jd: sample.jd, state: null, alert: null }))
    for (const reply of await source.classify(questions)) logits.push(reply.logits.slice())
  }
  return logits
}

/** The light curve of the alert's own packet with every detection brighter than its reference. */
function allPositive({ packet }: AlertSample): SteppedCurve {
  const points = packet.map(point => (point.detection ? { ...point, positive: true } : point))
  return admittedCurve(mergeObservations(LightCurve.empty, points), trainingAdmission.admit)
}

/** An object's last alert whose place at the top of the tree is known. */
function lastKnown(taxonomy: Taxonomy, { samples }: AlertObject): AlertSample | undefined {
  return samples.findLast(sample => topOfSample(taxonomy, sample) >= 0)
}

function heldOutAlerts(
  { taxonomy, objects, folds, foldSeed }: ContextStudyPlan,
  logitsOfSamples: ReadonlyMap<AlertSample, HeldOutLogits>,
  terms: readonly ContextTerm[]
): HeldOutAlert[] {
  return objects.flatMap(object => {
    const { objectId, samples } = object
    const term = terms[foldOf(objectId, folds, foldSeed)] as ContextTerm
    const last = lastKnown(taxonomy, object)
    return samples.flatMap((sample): HeldOutAlert[] => {
      const found = logitsOfSamples.get(sample)
      if (found === undefined) return []
      const context = new Float64Array(taxonomy.nodes.length)
      term.addTo(sample.view, context)
      const node = sample.label === null ? -1 : (nodeOfLabel(taxonomy, sample.label) ?? -1)
      const top = topOfSample(taxonomy, sample)
      return [{ objectId, sample, node, top, isLast: sample === last, context, ...found }]
    })
  })
}

/** What context brings to a group of siblings: the mean decrease of the held-out log loss of an object. */
interface GroupGain {
  readonly parent: string
  readonly objects: number
  readonly before: number
  readonly gain: number
  readonly error: number
  readonly keeps: boolean
}

function groupGains(
  plan: ContextStudyPlan,
  samples: readonly ContextSample[],
  terms: readonly ContextTerm[]
): GroupGain[] {
  const { taxonomy, shares, folds, foldSeed } = plan
  return taxonomy.siblings.flatMap((siblings): GroupGain[] => {
    const inGroup = samples.flatMap(sample => {
      const node = lineage(taxonomy, sample.node).find(each => siblings.includes(each))
      return node === undefined ? [] : [{ sample, node }]
    })
    const mix = new Float64Array(taxonomy.nodes.length)
    for (const { sample, node } of inGroup) mix[node]! += sample.weight
    let touched = false
    const losses = inGroup.map(({ sample, node }) => {
      const { objectId, weight, view, logits } = sample
      const context = new Float64Array(taxonomy.nodes.length)
      terms[foldOf(objectId, folds, foldSeed)]?.addTo(view, context)
      touched ||= siblings.some(each => context[each] !== 0)
      const loss = (factor: number): number => {
        const sums = logits.map((logit, at) => logit + factor * context[at]! + Math.log(mix[at]! / shares[at]!))
        return logSumExp(sums, siblings) - (sums[node] as number)
      }
      const before = loss(0)
      return { objectId, before: weight * before, gain: weight * (before - loss(1)) }
    })
    if (!touched) return []
    const objects = [...groupBy(losses, ({ objectId }) => objectId).values()].map(some => ({
      before: sum(some.map(({ before }) => before)),
      gain: sum(some.map(({ gain }) => gain))
    }))
    const gain = mean(objects.map(each => each.gain))
    const error = Math.sqrt(mean(objects.map(each => (each.gain - gain) ** 2)) / objects.length)
    const parent = parentOf(taxonomy, siblings)
    const keeps = parent === taxonomy.root || gain > error
    return [{ parent, objects: objects.length, before: mean(objects.map(each => each.before)), gain, error, keeps }]
  })
}

function gainNote({ parent, objects, before, gain, error, keeps }: GroupGain): string {
  const figures = `log loss ${before.toFixed(3)} → ${(before - gain).toFixed(3)} (± ${error.toFixed(3)}, ${objects} objects)`
  return `Context below ${parent}, held out: ${figures}${keeps ? '' : '; it brings nothing certain, and gets no term'}.`
}

/** The predictions of one model for every alert that is not refused, in the form of a study's held-out predictions. */
export async function predictAlerts(
  { taxonomy, objects }: Pick<ContextStudyPlan, 'taxonomy' | 'objects'>,
  source: LogitSource,
  term: ContextTerm | null
): Promise<HeldOutAlert[]> {
  const shares = new Float64Array(taxonomy.nodes.length)
  const plan = { taxonomy, objects, shares, folds: 1, foldSeed: 0, network: () => source }
  const silent = { addTo: () => false }
  return heldOutAlerts(plan, await heldOutLogits(plan), [(term ?? silent) as ContextTerm])
}
