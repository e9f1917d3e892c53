import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { inputSets, latestInputs } from 'hierax/classifier/inputs/input-sets.ts'
import { problemOf } from 'hierax/classifier/model/model-file.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
import { checkRegular } from 'hierax/regular-file.ts'
import { jsonOf, TextError, utf8Text } from 'hierax/text.ts'
import { z } from 'zod'
import { ascendingCuts } from './evaluation/predict.ts'

const share = z.number().min(0).max(1)
const count = z.int().min(0)
const positive = z.int().min(1)
const width = z.int().min(4).max(512)
const text = z.string().min(1)
const isAscending = (entries: readonly { readonly untilDays: number | null }[]): boolean =>
  entries.every(({ untilDays }, at) => (untilDays ?? Infinity) > (entries[at - 1]?.untilDays ?? 0))
/** The last entry holds for all later days. */
const power = z
  .array(z.strictObject({ untilDays: z.number().positive().nullable(), value: share }))
  .min(1)
  .refine(isAscending, 'days must ascend')
  .refine(entries => entries.at(-1)?.untilDays === null, 'the last entry must have untilDays null')
const ages = z
  .array(z.strictObject({ untilDays: z.number().positive(), value: share }))
  .refine(isAscending, 'days must ascend')
const population = z.strictObject({ description: text, shares: z.record(text, z.number().gt(0).lt(1)) })

const defaultPersistent = ['Persistent']

/** A group of keys whose own defaults hold where it is missing. */
function group<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape).prefault({} as never)
}

/** How a model is trained, evaluated and described, except for what the command line sets. Every key has a default. */
const recipeShape = z.strictObject({
  epochs: positive.default(30).describe('passes over the data; `--epochs` overrides it'),
  seed: count.default(0).describe('random seed; `--seed` overrides it'),
  foldSeed: count.default(0).describe('random seed of the folds and of the held-out objects'),
  network: group({
    inputs: z
      .enum(inputSets.map(({ version }) => version))
      .default(latestInputs.version)
      .describe('version of the inputs that are computed for each detection'),
    embedding: width.default(64).describe('width of the layer before the recurrent unit'),
    hidden: width.default(64).describe('width of the recurrent unit'),
    dense: width.default(64).describe('width of the layer before the logits'),
    dropout: z.number().min(0).max(0.9).default(0.15).describe('dropout rate')
  }),
  loss: group({
    alpha: z.number().min(0).default(0).describe('weight of a level of the tree: exp(-alpha * depth)'),
    beta: z
      .number()
      .min(0)
      .default(0)
      .describe('weight of a node: (all objects / (N_labels * objects at or below it))^beta'),
    labelsCount: z
      .enum(['labels', 'nodes'])
      .default('labels')
      .describe('N_labels: the number of distinct labels, or of nodes'),
    lastWeight: share.default(0).describe("extra share of an object's loss for its last detection"),
    distillation: share.default(0.5).describe('share of the loss that comes from the predictions of `--teachers`')
  }),
  schedule: group({
    batch: positive.default(128).describe('objects per batch'),
    learningRate: z.number().min(1e-6).max(1).default(0.01).describe('maximum learning rate'),
    weightDecay: share.default(1e-4).describe('weight decay'),
    earlyStopping: count
      .default(0)
      .describe('stop after this many epochs without improvement on held-out objects (0: never)'),
    heldOut: z
      .number()
      .min(0)
      .max(0.5)
      .optional()
      .describe('fraction of objects held out (default: 0.1 with earlyStopping, 0.2 with `--leave-out`, else 0)')
  }),
  sampling: group({
    draws: z
      .enum(['natural', 'balanced', 'square-root'])
      .default('natural')
      .describe(
        'how objects are drawn: `natural`, each once; `balanced`, every label equally often; `square-root`, in between'
      ),
    balance: z
      .number()
      .min(0)
      .max(0.5)
      .default(0)
      .describe('minimum share of the draws for each child of the root (0: in proportion to its objects)'),
    persistent: z
      .array(text)
      .default(defaultPersistent)
      .describe(
        'children of the root that are persistent sources; they are cut to time windows and get other reference images'
      ),
    synthetic: count.default(0).describe('number of synthetic persistent sources to add')
  }),
  augmentation: group({
    share: share.default(0.75).describe('fraction of draws that are augmented'),
    copies: positive.default(10).describe('augmented copies per object'),
    cap: z.int().min(2).default(160).describe('maximum number of detections of an object in training')
  }),
  decision: group({
    priorPower: z
      .union([share, power])
      .default(0.4)
      .describe('x of the class assignment P / prior^x: a number, or by days after the first detection'),
    bestF1: ages
      .default([])
      .describe('up to this many days, classes of a set are assigned for the best expected F1, by (P - F1/2) / prior^x')
  }),
  judged: group({
    among: z
      .array(text)
      .default([])
      .describe('sets of classes to evaluate, in the syntax of `hierax evaluate --among`'),
    minDetections: positive.default(1).describe('minimum number of detections of an object in these sets'),
    days: z
      .array(z.union([z.number().min(0), z.literal('full')]))
      .min(1)
      .default([3, 7, 15, 30, 60, 'full'])
      .transform(ascendingCuts)
      .describe('days after the first detection at which to evaluate'),
    bootstrap: count.default(100).describe('bootstrap samples for the errors')
  }),
  card: group({
    description: text
      .default(
        'Recurrent network over ZTF difference photometry with a softmax inside each group of siblings of a tree.'
      )
      .describe('description of the model'),
    limitations: z.array(text).default([]).describe('known limitations, in addition to those derived from the data'),
    populations: z
      .record(text, population)
      .default({})
      .describe('class mixes; the first is the default; those of `--population` precede them'),
    license: text.default('Apache-2.0').describe('licence of the model'),
    command: text.optional().describe('command that builds the model (default: the command line)')
  })
})

/** How a model is trained, judged and described; documented in docs/training.md. */
export type Recipe = z.infer<typeof recipeShape>

/** The recipes that come with the package. */
const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../recipes')

/** A recipe's values where the file gives none; checked. Throws USAGE by key. */
export function parseRecipe(values: unknown, where: string): Recipe {
  const parsed = recipeShape.safeParse(values)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const unknown = issue?.code === 'unrecognized_keys' ? [issue.keys[0] as string] : []
  const key = [...(issue?.path ?? []), ...unknown].join('.')
  throw new HieraxError(
    'USAGE',
    `${where}, key ${shown(key)}: ${issue === undefined ? 'it is not valid' : problemOf(issue)}`
  )
}

/**
 * Reads a recipe: a JSON file, or the name of one that comes with the package. A recipe may name another one (a file beside
 * it, or a name) as `extends`, whose values hold where it gives none. Throws USAGE.
 */
export async function readRecipe(fileOrName: string): Promise<Recipe> {
  return parseRecipe(await valuesOf(fileOrName, process.cwd()), `recipe ${fileOrName}`)
}

async function valuesOf(fileOrName: string, beside: string, seen: readonly string[] = []): Promise<Values> {
  const isFile = fileOrName.endsWith('.json')
  const file = isFile ? path.resolve(beside, fileOrName) : path.join(folder, `${fileOrName}.json`)
  const fail = (message: string, cause?: unknown): never => {
    throw new HieraxError('USAGE', `recipe ${fileOrName}: ${message}`, { cause })
  }
  if (seen.includes(file)) fail('it extends itself')
  let values: unknown
  try {
    checkRegular(file)
    values = jsonOf(utf8Text(await readFile(file)))
  } catch (cause) {
    if (cause instanceof TextError) throw new HieraxError('USAGE', cause.in(`recipe ${fileOrName}`), { cause })
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') fail((cause as Error).message, cause)
    const names = (await readdir(folder)).map(name => path.basename(name, '.json')).sort()
    const isBeside = !isFile && existsSync(path.resolve(beside, `${fileOrName}.json`))
    const hint = isBeside ? `; name the file: ${fileOrName}.json` : ''
    fail(isFile ? `${file} does not exist` : `there is none of that name, only ${names.join(', ')}${hint}`, cause)
  }
  if (!isGroup(values)) return fail('it must be a JSON object')
  const { extends: parent, ...own } = values
  if (parent === undefined) return own
  if (typeof parent !== 'string') return fail('`extends` must be a name or a file')
  return merged(await valuesOf(parent, path.dirname(file), [...seen, file]), own)
}

type Values = Readonly<Record<string, unknown>>

/** Merges groups key by key; other values are replaced as a whole. */
function merged(base: Values, own: Values): Values {
  const both = Object.entries(own).map(([key, value]) => {
    const before = base[key]
    return [key, isGroup(value) && isGroup(before) ? { ...before, ...value } : value]
  })
  return { ...base, ...Object.fromEntries(both) }
}

function isGroup(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Checks the persistent children of the root that a recipe names. The name of the default may be missing in a tree. Throws USAGE for other
 * names that are no node; gives the nodes that have no effect, because they are not children of the root.
 */
export function withoutEffect(persistent: readonly string[], taxonomy: Taxonomy): string[] {
  const names = taxonomy.nodes.map(({ name }) => name)
  const unknown = persistent.find(name => taxonomy.indexOf(name) < 0)
  if (unknown !== undefined && persistent.join() !== defaultPersistent.join()) {
    const children = names.filter((_, node) => taxonomy.parents[node] === -1).join(', ')
    const problem = `${shown(unknown)} is not a node of ${taxonomy.name}; its children of the root are ${children}`
    throw new HieraxError('USAGE', `recipe, key "sampling.persistent": ${problem}`)
  }
  return persistent.filter(name => taxonomy.parents[taxonomy.indexOf(name)] !== -1 && taxonomy.indexOf(name) >= 0)
}

/** Keys with their default and meaning, for the documentation. */
export function recipeKeys(): { readonly key: string; readonly value: unknown; readonly meaning: string }[] {
  const defaults = parseRecipe({}, 'defaults') as unknown as Record<string, Record<string, unknown>>
  return Object.entries(recipeShape.shape).flatMap(([key, shape]) => {
    if (!(shape instanceof z.ZodPrefault))
      return [{ key, value: defaults[key] as unknown, meaning: shape.description ?? '' }]
    const { shape: inner } = shape.unwrap() as unknown as z.ZodObject
    return Object.entries(inner).map(([name, each]) => {
      return { key: `${key}.${name}`, value: defaults[key]?.[name], meaning: (each as z.ZodType).description ?? '' }
    })
  })
}
