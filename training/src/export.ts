import type { Card, CardDraft } from 'hierax/classifier/card.ts'
import { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import { readModelFolder } from 'hierax/classifier/model-folder.ts'
import type { Weights } from 'hierax/classifier/network.ts'
import type { NoveltyFile } from 'hierax/classifier/novelty.ts'
import { runProbe } from 'hierax/classifier/probe.ts'
import type { Runtime } from 'hierax/classifier/runtime.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import type { AlertView } from 'hierax/classifier/types.ts'
import type { KnownObject, KnownSet, LabelledObject } from './data/labelled.ts'
import { syntheticSource } from './data/synthetic.ts'
import { formatNovelty, writeModelFolder } from './model-writer.ts'
import { drawsOf, type Sampling, samplingPower } from './network/batches.ts'
import { type BalanceOptions, type FitOptions, type FitState, rootBalance } from './network/fit.ts'
import { countEvents, logitCorrection, nodeWeights, samplingCorrection, type WhxeOptions } from './network/whxe.ts'

/** A trained network and what its model folder is to say. */
export interface Trained {
  readonly taxonomy: Taxonomy
  /** Text of the taxonomy file. */
  readonly taxonomyText: string
  readonly weights: Weights
  /** Objects that it was trained on. */
  readonly objects: readonly (LabelledObject & { readonly node: number })[]
  readonly whxe: WhxeOptions
  /** What it judges novelty by; null where it doesn't. */
  readonly novelty: NoveltyFile | null
  readonly sampling: Sampling
  readonly balance: BalanceOptions
  /** Class mixes for the card, the default first; that of the labelled objects is added. */
  readonly populations: NonNullable<CardDraft['populations']>
  /** What the context term was trained on, and the term; null for a model without one. */
  readonly context: { readonly text: string; readonly card: NonNullable<CardDraft['context']> } | null
  /** The card but for what follows from the above. */
  readonly card: Omit<CardDraft, 'taxonomy' | 'training' | 'priors' | 'probe' | 'populations' | 'context'> & {
    readonly training: Omit<CardDraft['training'], 'sources'>
  }
}

/**
 * Writes the model folder of a trained network, with the probabilities that it gives its probe, and opens it. What corrects for
 * W^β (β above 0) and for objects drawn unevenly goes into the bias of the logits.
 */
export async function exportModel(folder: string, runtime: Runtime, trained: Trained): Promise<RecurrentClassifier> {
  const { taxonomy, taxonomyText, objects, whxe, card } = trained
  const labels = objects.map(object => object.node)
  const ofWeights = logitCorrection(taxonomy, nodeWeights(taxonomy, labels, whxe.labelsCount), whxe.beta)
  const ofSampling = samplingCorrection(taxonomy, labels, samplingPower(trained.sampling))
  const correction = ofWeights.map((each, node) => each + (ofSampling[node] as number))
  const parts = {
    taxonomy: taxonomyText,
    weights: withBias(trained.weights, correction),
    outputs: taxonomy.nodes.map(({ name }) => name),
    ...(trained.novelty === null ? {} : { novelty: formatNovelty(trained.novelty) }),
    ...(trained.context === null ? {} : { context: trained.context.text })
  }
  const draws = drawsOf(labels, rootBalance(taxonomy, trained.balance))
  const draft: CardDraft = {
    ...card,
    taxonomy: { name: taxonomy.name, version: taxonomy.version },
    training: { ...card.training, sources: sourcesOf(objects) },
    priors: Object.fromEntries(
      [...priorsOf(taxonomy, labels, draws)].map((prior, node) => [parts.outputs[node] as string, prior])
    ),
    ...(trained.balance.share > 0
      ? { populations: { ...trained.populations, labelled: labelledMix(taxonomy, objects) } }
      : {}),
    ...(trained.context === null ? {} : { context: trained.context.card }),
    probe: { points: probePoints(), probabilities: {} }
  }
  await writeModelFolder(folder, { ...parts, card: draft })
  const unprobed = new RecurrentClassifier(await readModelFolder(folder), runtime)
  const probe = await runProbe(unprobed, draft.probe.points, trained.context === null ? undefined : probeAlert)
  unprobed.dispose()
  await writeModelFolder(folder, { ...parts, card: { ...draft, probe } })
  return new RecurrentClassifier(await readModelFolder(folder), runtime)
}

/**
 * Share of the draws of an epoch at or below each node; half an object where there is none, so that a prior can be divided by.
 * Without draws every object counts once.
 */
export function priorsOf(taxonomy: Taxonomy, labels: readonly number[], draws?: Float64Array): Float64Array {
  const counts = new Float64Array(taxonomy.nodes.length)
  let events = 0
  for (const [at, label] of labels.entries()) {
    const times = draws?.[at] ?? 1
    events += times
    for (let node = label; node >= 0; node = taxonomy.parents[node] as number) counts[node]! += times
  }
  return counts.map(count => Math.max(count, 0.5) / events)
}

/** The class mix of the labelled objects, synthetic ones left out: shares of the children of the root. */
export function labelledMix(
  taxonomy: Taxonomy,
  objects: readonly (LabelledObject & { readonly node: number })[]
): NonNullable<CardDraft['populations']>[string] {
  const real = objects.filter(({ source }) => source !== syntheticSource)
  const priors = priorsOf(
    taxonomy,
    real.map(({ node }) => node)
  )
  const roots = taxonomy.siblings.find(group => taxonomy.parents[group[0] as number] === -1) ?? []
  const total = roots.reduce((sum, node) => sum + (priors[node] as number), 0)
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
export function sourcesOf(objects: readonly LabelledObject[]): Card['training']['sources'] {
  const counts = new Map<string, number>()
  for (const { source } of objects) counts.set(source, (counts.get(source) ?? 0) + 1)
  return [...counts].map(([source, objects]) => ({ source, objects })).sort((a, b) => b.objects - a.objects)
}

function withBias(weights: Weights, correction: Float64Array): Weights {
  const bias = weights['output/bias']
  if (bias === undefined) return weights
  const values = bias.values.map((value, node) => value + (correction[node] as number))
  return { ...weights, 'output/bias': { ...bias, values } }
}

/** What a packet says of a supernova in the outskirts of a galaxy, for the probe. */
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

/** What became of the data, for people and for the card. */
export function notesOf(taxonomy: Taxonomy, { objects, unknownLabels, undetected }: KnownSet): string[] {
  const silent = objects.filter(({ node }) => node < 0).length
  const notes = [`${objects.length} objects have labels of the taxonomy ${taxonomy.name} ${taxonomy.version}.`]
  if (unknownLabels.length > 0) {
    const total = unknownLabels.reduce((sum, [, count]) => sum + count, 0)
    const labels = unknownLabels.map(([label, count]) => `${label} (${count})`).join(', ')
    notes.push(`Left out, as the taxonomy does not know their labels: ${total} objects: ${labels}.`)
  }
  if (undetected.length > 0) notes.push(`Left out, as they were never detected: ${undetected.length} objects.`)
  if (silent > 0) notes.push(`Left out, as their labels stand for the root: ${silent} objects.`)
  return notes
}

/** How a network was trained, in a sentence. */
export function settingsNote(options: FitOptions, { history, best }: FitState, runtime: string): string {
  const { whxe, optimiser, augmentation, widths } = options
  const end =
    best === null ? `${history.length} epochs` : `epoch ${best.epoch + 1} of ${history.length} (early stopping)`
  return [
    `Weighted hierarchical cross-entropy with α = ${whxe.alpha}, β = ${whxe.beta} (N_labels: ${whxe.labelsCount}); ${end},`,
    `batches of ${options.batch}, ${options.sampling} sampling, dropout ${options.dropout}, AdamW at ${optimiser.learningRate}`,
    `with decay ${optimiser.weightDecay}, gradients clipped at ${optimiser.clip}; ${augmentation.copies} varied copies drawn`,
    `${100 * augmentation.share} % of the time, at most ${augmentation.cap} detections; last step's extra weight`,
    `${options.lastWeight}; ${balanceText(options.balance)}share of the loss from teachers ${options.distillation}; widths ${widths.embedding}, ${widths.hidden}, ${widths.dense}; runtime ${runtime}.`
  ].join(' ')
}

function balanceText({ share, persistent }: FitOptions['balance']): string {
  if (share === 0) return ''
  return `at least ${100 * share} % of the draws of each child of the root, ${persistent} through windows in time and against other reference images; `
}

/** What a user must know before trusting a model, as far as it follows from its training set. */
export function limitationsOf(taxonomy: Taxonomy, objects: readonly KnownObject[]): string[] {
  const { counts } = countEvents(
    taxonomy,
    objects.map(({ node }) => node)
  )
  const rare = taxonomy.nodes.flatMap(({ name }, node) => {
    const count = counts[node] as number
    return count < few ? [`${name} (${count})`] : []
  })
  const limitations: string[] = []
  if (rare.length > 0)
    limitations.push(`Nodes with fewer than ${few} training objects are hardly learned: ${rare.join(', ')}.`)
  const made = objects.filter(({ photometry }) => photometry === 'total_mag').length
  if (made > 0) {
    limitations.push(
      `${made} objects were made from total magnitudes, not seen by difference imaging: real variable stars look different, and accuracy at the top of the tree is flattered.`
    )
  }
  for (const [source, nodes] of nodesBySource(taxonomy, objects)) {
    if (nodes.size === 1)
      limitations.push(
        `Source ${source} has objects of one class only (${[...nodes].join()}): its marks may pass for the class's.`
      )
  }
  limitations.push(
    'Minor planets, artefacts and classes that are not in the tree get probabilities like everything else.'
  )
  return limitations
}

/** Names of the nodes below the root that the objects of each source lie in. */
function nodesBySource(taxonomy: Taxonomy, objects: readonly KnownObject[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const { source, node } of objects) {
    const path = taxonomy.path(node)
    const nodes = found.get(source) ?? new Set()
    nodes.add(path[1] ?? path[0] ?? '')
    found.set(source, nodes)
  }
  return found
}
