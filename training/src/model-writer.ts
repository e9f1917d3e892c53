import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type CardDraft, sha256Hex } from 'hierax/classifier/model/card.ts'
import type { PriorPower } from 'hierax/classifier/model/decision.ts'
import type { Weights } from 'hierax/classifier/network/network.ts'
import { type ContextFile, contextFile } from 'hierax/classifier/probabilities/context.ts'
import { type NoveltyFile, noveltyFile } from 'hierax/classifier/probabilities/novelty.ts'
import { describeRange, type PurityThreshold, purityThresholds } from 'hierax/classifier/probabilities/purity.ts'
import { groupBy, sum } from './collections.ts'
import { markdownRows } from './evaluation/tables.ts'

/** The file of a model folder that states what it is. */
export const cardFile = 'card.json'

/** All files of a model folder. */
export const modelFiles = [
  'README.md',
  'model.json',
  'taxonomy.json',
  'weights.bin',
  contextFile,
  noveltyFile,
  cardFile
] as const

/** What a model folder is written from. */
export interface ModelParts {
  readonly card: CardDraft
  /** Text of the taxonomy file. */
  readonly taxonomy: string
  readonly weights: Weights
  /** Names of the nodes whose logits the output units carry, in order. */
  readonly outputs: readonly string[]
  /** Text of the novelty file, where the model judges novelty. */
  readonly novelty?: string
  /** Text of the context file, where the model has a context term. */
  readonly context?: string
}

/** Writes a model folder: network, weights, taxonomy, README and, last, the card with the checksums of them all. */
export async function writeModelFolder(folder: string, parts: ModelParts): Promise<void> {
  const names = Object.keys(parts.weights).sort()
  const weightsManifest = [
    {
      paths: ['weights.bin'],
      weights: names.map(name => ({ name, shape: parts.weights[name]!.shape, dtype: 'float32' }))
    }
  ]
  const network = { format: 'hierax-network', formatVersion: 1, outputs: parts.outputs, weightsManifest }
  const files: Record<string, Uint8Array> = {
    'README.md': Buffer.from(modelReadme(parts.card)),
    'model.json': Buffer.from(`${JSON.stringify(network, null, 2)}\n`),
    'taxonomy.json': Buffer.from(parts.taxonomy),
    'weights.bin': Buffer.concat(names.map(name => littleEndian(parts.weights[name]!.values)))
  }
  if (parts.context !== undefined) files[contextFile] = Buffer.from(parts.context)
  if (parts.novelty !== undefined) files[noveltyFile] = Buffer.from(parts.novelty)
  await mkdir(folder, { recursive: true })
  for (const [name, bytes] of Object.entries(files)) await writeFile(path.join(folder, name), bytes)
  const sums = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256Hex(bytes)]))
  await writeFile(path.join(folder, cardFile), formatCard(parts.card, sums))
}

/** The bytes of a card's file: the draft, completed by its files' checksums and its own. */
export function formatCard(draft: CardDraft, files: Readonly<Record<string, string>>): Buffer {
  const { name, version, inputs, ...rest } = draft
  const head = { format: 'hierax-model-card', formatVersion: 1, name, version, inputs }
  const blank = '0'.repeat(64)
  const card = { ...head, ...rest, files, sha256: blank }
  const content = `${JSON.stringify(card, null, 2)}\n`
  const at = content.lastIndexOf(blank)
  return Buffer.from(content.slice(0, at) + sha256Hex(Buffer.from(content)) + content.slice(at + 64))
}

/** Text of a context file. */
export function formatContext({ layers, ...rest }: ContextFile): string {
  const head = JSON.stringify({ format: 'hierax-context', formatVersion: 1, ...rest }).slice(0, -1)
  const lines = layers.map(({ weights, biases }) => {
    const rows = weights.map(row => JSON.stringify(row)).join(',\n')
    return `{"biases":${JSON.stringify(biases)},"weights":[\n${rows}\n]}`
  })
  return `${head},"layers":[${lines.join(',\n')}]}\n`
}

/** Text of a novelty file. */
export function formatNovelty({ whitening, ...rest }: NoveltyFile): string {
  const head = JSON.stringify({ format: 'hierax-novelty', formatVersion: 1, ...rest }).slice(0, -1)
  return `${head},"whitening":[\n${whitening.map(row => JSON.stringify(row)).join(',\n')}\n]}\n`
}

function littleEndian(values: Float32Array): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, at) => {
    bytes.writeFloatLE(value, 4 * at)
  })
  return bytes
}

/** The README of a model, in Markdown, from its card. */
export function modelReadme(card: CardDraft): string {
  const total = sum(card.training.sources.map(({ objects }) => objects))
  const rule =
    card.decision.priorPower === 0
      ? 'the sibling with the largest conditional probability wins'
      : `siblings compete by P / prior^x, x = ${byDays(card.decision.priorPower)}`
  return [
    `# ${card.name} ${card.version}`,
    card.description,
    `Licence: ${card.license}. Taxonomy: ${card.taxonomy.name} ${card.taxonomy.version}. This page is written from \`card.json\`.`,
    '## Training',
    markdownRows(
      ['source', 'objects'],
      [...card.training.sources.map(({ source, objects }) => [source, String(objects)]), ['**all**', `**${total}**`]]
    ),
    `Command: \`${card.training.command}\`. Seed: ${card.training.seed ?? 'not recorded'}.`,
    ...card.training.notes,
    '## Decision',
    `From the root down, ${rule}; the walk ends where the marginal probability of the winner falls below 0.5.`,
    ...namingText(card.decision),
    `Temperature: ${card.temperature === null ? 'none' : byDays(card.temperature)}.`,
    ...meaningText(card),
    '## Metrics',
    ...card.metrics.flatMap(({ title, columns, rows }) => [`**${title}**`, markdownRows(columns, rows)]),
    '## Limitations',
    card.limitations.map(each => `* ${each}`).join('\n'),
    ''
  ].join('\n\n')
}

/** For which class mixes the probabilities are given, what the context term is, and from which probability on a node is how pure. */
function meaningText(card: CardDraft): string[] {
  const { populations, context, purity = [] } = card
  if (populations === undefined) return []
  const rows = Object.entries(populations).map(([name, { shares, description }]) => {
    const mix = Object.entries(shares).map(([node, share]) => `${node} ${share}`)
    return [name, mix.join(', '), description]
  })
  const ofContext =
    context === undefined
      ? []
      : [
          '## Context',
          `A term over the features ${context.features} of an alert's own packet, fitted on ${context.alerts} alerts of ${context.objects} objects with the network's logits as given. Without any context field it is 0.`,
          ...context.notes
        ]
  return [
    '## What the probabilities mean',
    "A probability holds for a class mix, the population. The logit of a node is that of the light curve, plus the context term, plus the logarithm of the population's share over that of the training. The first population is the default.",
    markdownRows(['population', 'shares', 'what it is'], rows),
    ...ofContext,
    ...(purity.length > 0 ? ['## Purity', ...purityText(card)] : [])
  ]
}

const purities = [0.8, 0.9, 0.95]

/** The least probability (with the expected completeness) from which on a node has a purity, by detections. */
function purityText({ name, version, purity = [] }: CardDraft): string[] {
  const cell = ({ minProbability, completeness, purity }: PurityThreshold): string => {
    if (minProbability !== null) return `${minProbability} (${completeness})`
    return purity === null ? '–' : `none (at most ${purity})`
  }
  return [...groupBy(purity, row => row.population)].flatMap(([population, rows]) => {
    const thresholds = (node: string, required: number): PurityThreshold[] =>
      purityThresholds({ name, version, purity }, { name: population, shares: {} }, node, required)
    const nodes = [...new Set(rows.map(({ node }) => node))]
    const body = nodes.flatMap(node =>
      purities.map(required => [node, String(required), ...thresholds(node, required).map(cell)])
    )
    return [
      `**Population ${population}: least probability for a purity, and the expected completeness (held-out objects)**`,
      markdownRows(['node', 'purity', ...thresholds(nodes[0] ?? '', 1).map(describeRange)], body)
    ]
  })
}

function namingText({ naming = [] }: CardDraft['decision']): string[] {
  if (naming.length === 0) return []
  const ages = naming.map(({ untilDays, priorPower }) => `x = ${priorPower} until ${untilDays} days`).join(', ')
  return [
    `Among a set of classes the one with the greatest (P − F / 2) / prior^x is named, ${ages} after the first detection, F being the F1 that is attainable at the node (\`decision.naming\`); later that with the greatest P / prior^x, as above.`
  ]
}

function byDays(entries: PriorPower): string {
  if (typeof entries === 'number') return String(entries)
  return entries
    .map(({ untilDays, value }) =>
      untilDays === null ? `${value} later` : `${value} until ${untilDays} days after the first detection`
    )
    .join(', ')
}
