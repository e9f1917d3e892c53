import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import type { FitOptions, FitState } from './fit.ts'
import type { KnownObject, KnownSet } from './labelled.ts'
import { countEvents } from './whxe.ts'

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
    `${options.lastWeight}; ${balanceText(options.balance)}share of the loss from teachers ${options.teaching}; widths ${widths.embedding}, ${widths.hidden}, ${widths.dense}; runtime ${runtime}.`
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
