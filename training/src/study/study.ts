import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describeIssues } from 'hierax/classifier/model/model-file.ts'
import { parseTaxonomy, type Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
import { checkRegular } from 'hierax/regular-file.ts'
import { jsonOf, TextError, utf8Text } from 'hierax/text.ts'
import { z } from 'zod'
import type { KnownObject } from '../data/labelled.ts'
import { type Candidates, classOf, parseCandidates } from '../evaluation/class-assignment.ts'
import { type Recipe, readRecipe } from '../recipe.ts'
import { sumsByNode } from '../tree.ts'

const text = z.string().min(1)
const share = z.number().min(0).max(1)

const networkShape = z.strictObject({
  /** The set of classes that a flat network is trained on; without it the network learns the whole tree. */
  target: text.optional(),
  alpha: z.number().min(0).default(0),
  beta: z.number().min(0).default(0),
  labelsCount: z.enum(['labels', 'nodes']).default('labels')
})

const partShape = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/),
  title: text,
  networks: z.array(text).min(1),
  judged: z.array(text).min(1),
  /** Folds that are trained and judged. */
  folds: z.array(z.int().min(0)).min(1),
  /** Shares of the training labels that are replaced by their parents. */
  coarse: z.array(share).min(1).default([0]),
  /** Node that a share of the training labels below it is replaced by, where `coarse` is above 0. */
  coarsest: z.strictObject({ node: text, share }).optional()
})

const studyShape = z.strictObject({
  name: text,
  taxonomy: text,
  recipe: text,
  folds: z.int().min(2),
  /** Sets of classes by name: in the syntax of `--among`, or the leaves that have at least this many objects. */
  targets: z.record(text, z.union([text, z.strictObject({ leaves: z.int().min(1) })])),
  networks: z.record(text, networkShape),
  parts: z.array(partShape).min(1)
})

/** How a network of a study is trained. */
export interface StudyNetwork extends z.infer<typeof networkShape> {
  readonly name: string
}

/** A table of a study: networks that are judged among the same sets of classes on the same objects. */
export type StudyPart = z.infer<typeof partShape>

/** A comparison of networks that differ in loss, tree or labels, and in nothing else. */
export interface Study {
  readonly name: string
  readonly taxonomy: Taxonomy
  readonly taxonomyText: string
  readonly recipe: Recipe
  readonly folds: number
  readonly targets: ReadonlyMap<string, Target>
  readonly networks: ReadonlyMap<string, StudyNetwork>
  readonly parts: readonly StudyPart[]
}

/** Text for `parseCandidates`, or the leaves that have at least so many objects. */
export type Target = string | { readonly leaves: number }

/** Reads a study; its taxonomy is named relative to it. Throws USAGE by key, TAXONOMY_INVALID. */
export async function readStudy(file: string): Promise<Study> {
  const fail = (message: string, cause?: unknown): never => {
    throw new HieraxError('USAGE', `study ${file}: ${message}`, { cause })
  }
  const read = async (name: string): Promise<string> => {
    try {
      checkRegular(name)
      return utf8Text(await readFile(name))
    } catch (cause) {
      if (cause instanceof TextError) return fail(cause.in(name), cause)
      return fail(`${name} can't be read (${(cause as Error).message})`, cause)
    }
  }
  let values: unknown
  try {
    values = jsonOf(await read(file))
  } catch (cause) {
    if (cause instanceof TextError) throw new HieraxError('USAGE', cause.in(`study ${file}`), { cause })
    throw cause
  }
  const parsed = studyShape.safeParse(values)
  if (!parsed.success) {
    return fail(describeIssues(parsed.error))
  }
  const { name, recipe, folds, targets, networks, parts } = parsed.data
  for (const [network, { target }] of Object.entries(networks)) {
    if (target !== undefined && !Object.hasOwn(targets, target))
      fail(`network ${shown(network)}: there is no target ${shown(target)}`)
  }
  for (const part of parts) {
    const unknown = part.networks.find(each => !Object.hasOwn(networks, each))
    if (unknown !== undefined) fail(`part ${part.name}: there is no network ${shown(unknown)}`)
    const target = part.judged.find(each => !Object.hasOwn(targets, each))
    if (target !== undefined) fail(`part ${part.name}: there is no target ${shown(target)}`)
    const fold = part.folds.find(each => each >= folds)
    if (fold !== undefined) fail(`part ${part.name}: fold ${fold} of ${folds}`)
  }
  const taxonomyFile = path.resolve(path.dirname(file), parsed.data.taxonomy)
  const taxonomyText = await read(taxonomyFile)
  const taxonomy = parseTaxonomy(taxonomyText, taxonomyFile)
  for (const { name: part, coarsest } of parts) {
    if (coarsest !== undefined && taxonomy.indexOf(coarsest.node) < 0)
      fail(`part ${part}: there is no node ${shown(coarsest.node)}`)
  }
  return {
    ...{ name, taxonomy, taxonomyText, folds, parts },
    recipe: await readRecipe(recipe),
    targets: new Map(Object.entries(targets)),
    networks: new Map(Object.entries(networks).map(([name, network]) => [name, { name, ...network }]))
  }
}

/** The classes of a target. Throws USAGE where it has fewer than two. */
export function classesOf(taxonomy: Taxonomy, target: Target, objects: readonly KnownObject[]): Candidates {
  if (typeof target === 'string') return parseCandidates(taxonomy, target, 'target')
  const inner = new Set(taxonomy.parents)
  const counts = sumsByNode(
    taxonomy,
    objects.map(({ node }) => node)
  )
  const leaves = taxonomy.nodes.filter((_, node) => !inner.has(node) && (counts[node] as number) >= target.leaves)
  return parseCandidates(taxonomy, leaves.map(({ name }) => name).join(), 'target')
}

/** A tree of one level: the classes below the root. Published labels have no place in it, as objects have their class already. */
export function flatTree({ name, version, root }: Taxonomy, { classes }: Candidates): string {
  const nodes = classes.map(each => ({ name: each.name, parent: root }))
  return JSON.stringify({ name: `${name}, flat`, version, root, nodes, labels: {} })
}

/** The objects of the classes, each with the index of its class as node; all others are left out. */
export function inClasses(taxonomy: Taxonomy, candidates: Candidates, objects: readonly KnownObject[]): KnownObject[] {
  return objects.flatMap(object => {
    const node = classOf(taxonomy, candidates, object.node)
    return node < 0 ? [] : [{ ...object, node }]
  })
}
