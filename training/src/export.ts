import { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import type { Card, CardDraft } from 'hierax/classifier/model/card.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { readModelFolder } from 'hierax/classifier/model-folder.ts'
import type { Weights } from 'hierax/classifier/network/network.ts'
import type { NoveltyFile } from 'hierax/classifier/probabilities/novelty.ts'
import { runProbe } from 'hierax/classifier/probe.ts'
import type { AlertView } from 'hierax/classifier/types.ts'
import { groupBy, sum, tally } from './collections.ts'
import type { KnownObject, KnownSet, LabelledObject } from './data/labelled.ts'
import { syntheticSource } from './data/synthetic.ts'
import type { AttainableF1ByAge } from './evaluation/class-assignment.ts'
import type { Table } from './evaluation/tables.ts'
import { formatNovelty, writeModelFolder } from './model-writer.ts'
import { drawsOf, samplingPower } from './network/batches.ts'
import { type FitState, finalWeights } from './network/fit.ts'
import { gradientClip } from './network/optimiser.ts'
import { logitCorrection, nodeWeights, samplingCorrection } from './network/whxe.ts'
import type { Fitted, Session, TrainPlan } from './session.ts'
import { sumsByNode } from './tree.ts'

/** Content of a card in addition to how the network was trained. */
export interface Findings extends Partial<Pick<CardDraft, 'temperature' | 'purity'>> {
  readonly metrics?: readonly Table[]
  readonly notes?: readonly string[]
  readonly naming?: AttainableF1ByAge
  /** What it judges novelty by; null where it doesn't. */
  readonly novelty?: NoveltyFile | null
  /** Text of the context file and what the term was trained on; null for a model without a context term. */
  readonly context?: { readonly text: string; readonly card: NonNullable<CardDraft['context']> } | null
}

/**
 * Writes the model folder of a trained network, with the probabilities that it gives its probe, and opens it; without findings,
 * one that is still to be judged. What corrects for W^β (β above 0) and for objects drawn unevenly goes into the bias of the
 * logits.
 */
export async function exportModel(
  session: Pick<Session, 'plan' | 'taxonomy' | 'taxonomyText' | 'runtime' | 'notes'>,
  folder: string,
  { state, kept }: Pick<Fitted, 'state' | 'kept'>,
  findings: Findings = {}
): Promise<RecurrentClassifier> {
  const { plan, taxonomy, runtime } = session
  const { recipe } = plan
  const { temperature = null, metrics = [], naming = [], novelty = null, context = null, purity } = findings
  const labels = kept.map(object => object.node)
  const { beta, labelsCount } = recipe.loss
  const ofWeights = logitCorrection(taxonomy, nodeWeights(taxonomy, labels, labelsCount), beta)
  const ofSampling = samplingCorrection(taxonomy, labels, samplingPower(recipe.sampling.draws))
  const correction = ofWeights.map((each, node) => each + (ofSampling[node] as number))
  const parts = {
    taxonomy: session.taxonomyText,
    weights: withBias(finalWeights(state), correction),
    outputs: taxonomy.nodes.map(({ name }) => name),
    ...(novelty === null ? {} : { novelty: formatNovelty(novelty) }),
    ...(context === null ? {} : { context: context.text })
  }
  const priors = priorsOf(taxonomy, labels, drawsOf(taxonomy, labels, recipe.sampling.balance))
  const recipeNote = plan.recipeName === null ? [] : [`Recipe: ${plan.recipeName}.`]
  const draft: CardDraft = {
    name: plan.name,
    version: plan.version,
    description: recipe.card.description,
    license: recipe.card.license,
    inputs: recipe.network.inputs,
    training: {
      command: plan.command,
      seed: recipe.seed,
      notes: [settingsNote(plan, state, runtime.name), ...recipeNote, ...session.notes, ...(findings.notes ?? [])],
      sources: sourcesOf(kept)
    },
    temperature,
    decision: { priorPower: recipe.decision.priorPower, ...(naming.length > 0 ? { naming } : {}) },
    metrics: [...metrics],
    limitations: [...recipe.card.limitations, ...limitationsOf(taxonomy, kept)],
    ...(purity === undefined ? {} : { purity }),
    taxonomy: { name: taxonomy.name, version: taxonomy.version },
    priors: Object.fromEntries([...priors].map((prior, node) => [parts.outputs[node] as string, prior])),
    ...(recipe.sampling.balance > 0 || Object.keys(plan.populations).length > 0
      ? { populations: { ...plan.populations, labelled: labelledMix(taxonomy, kept) } }
      : {}),
    ...(context === null ? {} : { context: context.card }),
    probe: { points: probePoints(), probabilities: {} }
  }
  await writeModelFolder(folder, { ...parts, card: draft })
  const unprobed = new RecurrentClassifier(await readModelFolder(folder), runtime)
  const probe = await runProbe(unprobed, draft.probe.points, context === null ? undefined : probeAlert)
  unprobed.dispose()
  await writeModelFolder(folder, { ...parts, card: { ...draft, probe } })
  return new RecurrentClassifier(await readModelFolder(folder), runtime)
}

/**
 * Share of the draws of an epoch at or below each node; half an object where there is none, so that a prior can be divided by.
 * Without draws every object counts once.
 */
export function priorsOf(taxonomy: Taxonomy, labels: readonly number[], draws?: Float64Array): Float64Array {
  const events = draws === undefined ? labels.length : sum(draws)
  return sumsByNode(taxonomy, labels, draws).map(count => Math.max(count, 0.5) / events)
}

/** The class mix of the labelled objects, synthetic ones left out: shares of the children of the root. */
export function labelledMix(taxonomy: Taxonomy, objects: readonly KnownObject[]): TrainPlan['populations'][string] {
  const real = objects.filter(({ source }) => source !== syntheticSource)
  const priors = priorsOf(
    taxonomy,
    real.map(({ node }) => node)
  )
  const roots = taxonomy.siblings.find(group => taxonomy.parents[group[0] as number] === -1) ?? []
  const total = sum(roots.map(node => priors[node] as number))
  const shares = roots.map(node => [
    taxonomy.nodes[node]?.name ?? '',
    Number(((priors[node] as number) / total).toFixed(6))
  ])
  return {
    description: 'The labelled light curves that the network was trained on',
    shares: Object.fromEntries(shares)
  }
}

/** Objects by source, most first. */
function sourcesOf(objects: readonly LabelledObject[]): Card['training']['sources'] {
  const counts = tally(objects.map(({ source }) => source))
  return [...counts].map(([source, objects]) => ({ source, objects })).sort((a, b) => b.objects - a.objects)
}

function withBias(weights: Weights, correction: Float64Array): Weights {
  const bias = weights['output/bias']
  if (bias === undefined) return weights
  const values = bias.values.map((value, node) => value + (correction[node] as number))
  return { ...weights, 'output/bias': { ...bias, values } }
}

/** The context of a supernova in the outskirts of a galaxy, for the probe. */
const probeAlert: Pick<AlertView, 'magnitude' | 'context'> = {
  magnitude: 18.5,
  context: {
    ...{ sgscore1: 0.02, distpsnr1: 2.5, sgmag1: 19.2, srmag1: 18.6, simag1: 18.3, szmag1: 18.1 },
    ...{ sgscore2: 0.9, distpsnr2: 12, distnr: 2.4, magnr: 19, chinr: 1.2, sharpnr: 0.05 },
    ...{ neargaia: 21, maggaia: 17.5, classtar: 0.98, ndethist: 20, ncovhist: 900, jdstarthist: 2459000.7 }
  }
}

/** The light curve of a model's probe: a rise and a decline in two bands with upper limits before, as a type Ia supernova shows them. */
export function probePoints(): Card['probe']['points'] {
  const points: Card['probe']['points'] = []
  for (let visit = -3; visit < 14; visit++) {
    for (const fid of [1, 2] as const) {
      const day = 3 * visit + 0.04 * fid
      const jd = 2459000.7 + day
      const width = day < 15 ? 9 : fid === 1 ? 17 : 26
      const magnitude = Math.fround(17.9 + 0.1 * fid + 0.5 * ((day - 15) / width) ** 2)
      if (visit < 0) points.push({ jd, fid, detection: false, positive: false, magnitude: Math.fround(20.4), error: 0 })
      else points.push({ jd, fid, detection: true, positive: true, magnitude, error: Math.fround(0.05 + 0.01 * visit) })
    }
  }
  return points
}

/** A node with fewer objects is named among the limitations. */
const few = 30

/** How many objects were used or left out, for people and for the card. */
export function notesOf(taxonomy: Taxonomy, { objects, unknownLabels, undetected }: KnownSet): string[] {
  const silent = objects.filter(({ node }) => node < 0).length
  const notes = [`${objects.length} objects have labels of the taxonomy ${taxonomy.name} ${taxonomy.version}.`]
  if (unknownLabels.length > 0) {
    const total = sum(unknownLabels.map(([, count]) => count))
    const labels = unknownLabels.map(([label, count]) => `${label} (${count})`).join(', ')
    notes.push(`Left out, as the taxonomy does not know their labels: ${total} objects: ${labels}.`)
  }
  if (undetected.length > 0) notes.push(`Left out, as they were never detected: ${undetected.length} objects.`)
  if (silent > 0) notes.push(`Left out, as their labels stand for the root: ${silent} objects.`)
  return notes
}

/** How a network was trained, in a sentence. */
function settingsNote({ recipe, teachers }: TrainPlan, { history, best }: FitState, runtime: string): string {
  const { loss, schedule, sampling, augmentation, network } = recipe
  const end =
    best === null ? `${history.length} epochs` : `epoch ${best.epoch + 1} of ${history.length} (early stopping)`
  const balance =
    sampling.balance === 0
      ? ''
      : `at least ${100 * sampling.balance} % of the draws of each child of the root, ${sampling.persistent.join()} through windows in time and against other reference images; `
  return [
    `Weighted hierarchical cross-entropy with α = ${loss.alpha}, β = ${loss.beta} (N_labels: ${loss.labelsCount}); ${end},`,
    `batches of ${schedule.batch}, ${sampling.draws} sampling, dropout ${network.dropout}, AdamW at ${schedule.learningRate}`,
    `with decay ${schedule.weightDecay}, gradients clipped at ${gradientClip}; ${augmentation.copies} varied copies drawn`,
    `${100 * augmentation.share} % of the time, at most ${augmentation.cap} detections; last step's extra weight`,
    `${loss.lastWeight}; ${balance}share of the loss from teachers ${teachers.length > 0 ? loss.distillation : 0}; widths ${network.embedding}, ${network.hidden}, ${network.dense}; runtime ${runtime}.`
  ].join(' ')
}

/** What a user must know before trusting a model, as far as it follows from its training set. */
function limitationsOf(taxonomy: Taxonomy, objects: readonly KnownObject[]): string[] {
  const counts = sumsByNode(
    taxonomy,
    objects.map(({ node }) => node)
  )
  const rare = taxonomy.nodes.flatMap(({ name }, node) => {
    const count = counts[node] as number
    return count < few ? [`${name} (${count})`] : []
  })
  const made = objects.filter(({ photometry }) => photometry === 'total_mag').length
  const bySource = groupBy(objects, ({ source }) => source)
  return [
    ...(rare.length > 0
      ? [`Nodes with fewer than ${few} training objects are hardly learned: ${rare.join(', ')}.`]
      : []),
    ...(made > 0
      ? [
          `${made} objects were made from total magnitudes, not seen by difference imaging: real variable stars look different, and accuracy at the top of the tree is flattered.`
        ]
      : []),
    ...[...bySource].flatMap(([source, some]) => {
      // Nodes below the children of the root, else those themselves.
      const nodes = new Set(some.map(({ node }) => taxonomy.path(node)).map(names => names[1] ?? names[0] ?? ''))
      if (nodes.size > 1) return []
      return [
        `Source ${source} has objects of one class only (${[...nodes].join()}): its marks may pass for the class's.`
      ]
    }),
    'Minor planets, artefacts and classes that are not in the tree get probabilities like everything else.'
  ]
}
