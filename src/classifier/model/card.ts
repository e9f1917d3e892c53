import { createHash } from 'node:crypto'
import { z } from 'zod'
import { HieraxError, shown } from '../../errors.ts'
import { contextFields } from '../../lightcurves/points/observation.ts'
import { inputSetOf, inputSets } from '../inputs/input-sets.ts'
import { valueAt } from './decision.ts'
import { inShape, nodeName, parseJson, type Refuse, refuserOf, textOf } from './model-file.ts'
import type { Taxonomy } from './taxonomy.ts'

const text = z.string().min(1)
const hex = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex')
const probability = z.number().min(0).max(1)
const power = z.number().min(0).max(1)

/** Rule for sets of classes, by days: the greatest (P − f1 / 2) / prior^priorPower wins, where f1 is the attainable F1 of a node. */
export const namingShape = z.array(
  z.strictObject({ untilDays: z.number().positive(), priorPower: power, f1: z.record(nodeName, probability) })
)

/** Values by days from the first to the latest detection. The last entry has `untilDays` null. */
const byDays = (value: z.ZodNumber) => z.array(z.strictObject({ untilDays: z.number().positive().nullable(), value }))

const point = z.strictObject({
  jd: z.number(),
  fid: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  detection: z.boolean(),
  positive: z.boolean(),
  magnitude: z.number(),
  error: z.number().min(0)
})

const shape = z.strictObject({
  format: z.literal('hierax-model-card'),
  formatVersion: z.literal(1),
  name: text,
  version: text,
  description: text,
  license: text,
  /** Version of the inputs (`inputSets`). */
  inputs: text,
  taxonomy: z.strictObject({ name: text, version: text }),
  training: z.strictObject({
    command: text,
    seed: z.number().int().nullable(),
    sources: z.array(z.strictObject({ source: text, objects: z.number().int().min(0) })),
    notes: z.array(text).default([])
  }),
  /** Divisor of the logits, by days. */
  temperature: byDays(z.number().positive()).nullable(),
  /** Rules of class assignment. */
  decision: z.strictObject({
    priorPower: z.union([power, byDays(power).min(1)]),
    naming: namingShape.optional()
  }),
  /** Share of the training set at or below each node; needed where `priorPower` is above 0. */
  priors: z.record(nodeName, z.number().positive().max(1)).nullable(),
  metrics: z.array(z.strictObject({ title: text, columns: z.array(z.string()), rows: z.array(z.array(z.string())) })),
  limitations: z.array(text),
  /** A light curve and its marginal probabilities, checked at every start. */
  probe: z.strictObject({
    points: z.array(point).min(1),
    probabilities: z.record(nodeName, probability),
    /** For a model with novelty. */
    novelty: probability.nullable().optional(),
    /** For a model with a context term: an alert at the end of the light curve, and the probabilities with it. */
    withContext: z
      .strictObject({
        magnitude: z.number(),
        context: z.record(z.enum(contextFields), z.number().nullable()),
        probabilities: z.record(nodeName, probability)
      })
      .optional()
  }),
  /** Class mixes for which probabilities can be given: shares of siblings by node. The first is the default. */
  populations: z
    .record(text, z.strictObject({ description: text, shares: z.record(nodeName, z.number().positive().max(1)) }))
    .optional(),
  /** Training data of the context term, for a model with one. */
  context: z
    .strictObject({
      features: text,
      alerts: z.number().int().min(0),
      objects: z.number().int().min(0),
      notes: z.array(text).default([])
    })
    .optional(),
  /** Expected purity and completeness of a node by population, number of detections and threshold, on held-out objects. */
  purity: z
    .array(
      z.strictObject({
        population: text,
        node: nodeName,
        fromDetections: z.number().int().positive(),
        untilDetections: z.number().int().positive().nullable(),
        objects: z.number().int().min(0),
        thresholds: z.array(z.strictObject({ threshold: probability, purity: probability, completeness: probability }))
      })
    )
    .optional(),
  /** SHA-256 of every other file of the folder. */
  files: z.record(z.string().regex(/^[\w-][\w.-]*$/, 'must be a plain file name'), hex),
  /** SHA-256 of the card's bytes, computed with zeros in place of these 64 digits. */
  sha256: hex
})

/** The card of a model: description, training, performance, and checksums of its files. */
export type Card = z.infer<typeof shape>

/** A card without its files and checksum. */
export type CardDraft = Omit<Card, 'format' | 'formatVersion' | 'files' | 'sha256'>

/**
 * Reads a card and checks its checksum, its structure, and that this version of Hierax supports its inputs. Throws
 * MODEL_INVALID; `origin` names the file in errors.
 */
export function parseCard(bytes: Uint8Array, origin: string): Card {
  const refuse: Refuse = refuserOf(origin)
  const content = textOf(bytes, refuse)
  const stated = parseJson(content, z.unknown(), refuse) as { sha256?: unknown } | null
  if (!hex.safeParse(stated?.sha256).success) refuse('it has no checksum (`sha256`)')
  const wanted = stated?.sha256 as string
  const actual = sha256Hex(withoutChecksum(bytes, wanted))
  if (actual !== wanted) refuse(`SHA-256 of the card: got ${actual}, expected ${wanted}`)
  const card = inShape(stated, shape, refuse)
  if (inputSetOf(card.inputs) === undefined) {
    const known = inputSets.map(({ version }) => version).join(', ')
    refuse(`inputs ${shown(card.inputs)} are unknown; this version has ${known}`)
  }
  const { priorPower } = card.decision
  const powers = typeof priorPower === 'number' ? [{ untilDays: null, value: priorPower }] : priorPower
  for (const [field, entries] of Object.entries({ temperature: card.temperature, 'decision.priorPower': powers })) {
    if (entries !== null && entries.at(-1)?.untilDays !== null) {
      refuse(`the last entry of \`${field}\` must have \`untilDays\` null`)
    }
  }
  if ((powers.some(({ value }) => value > 0) || card.decision.naming !== undefined) && card.priors === null) {
    refuse('`decision` uses priors, but `priors` is null')
  }
  return card
}

/** Temperature for a light curve that spans so many days. */
export function temperatureAt(card: Pick<Card, 'temperature'>, days: number): number {
  return valueAt(card.temperature ?? [], days) ?? 1
}

/** Priors in the order of a taxonomy's nodes; null where the card has none. Throws MODEL_INVALID where one is missing. */
export function priorsOf(card: Pick<Card, 'priors'>, taxonomy: Taxonomy, origin: string): Float64Array | null {
  if (card.priors === null) return null
  const priors = card.priors
  return Float64Array.from(taxonomy.nodes, ({ name }) => {
    const prior = Object.hasOwn(priors, name) ? priors[name] : undefined
    if (prior === undefined) throw new HieraxError('MODEL_INVALID', `${origin}: no prior is given for ${shown(name)}`)
    return prior
  })
}

/** SHA-256, lower-case hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A card's bytes with zeros in place of the last occurrence of its checksum, which is the field at the end of the card. */
function withoutChecksum(bytes: Uint8Array, stated: string): Uint8Array {
  const copy = Buffer.from(bytes)
  const at = copy.lastIndexOf(stated)
  if (at >= 0) copy.fill('0', at, at + 64)
  return copy
}
