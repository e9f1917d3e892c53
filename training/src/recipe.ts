import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { inputSets, latestInputs } from 'hierax/classifier/input-sets.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
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

/** A group of keys whose own defaults hold where it is missing. */
function group<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape).prefault({} as never)
}

/** How a model is trained, judged and described, beside what the command line says. Every key has a default. */
const recipeShape = z.strictObject({
  epochs: positive.default(30).describe('passes over the data; `--epochs` beats it'),
  seed: count.default(0).describe('seed of all that is random; `--seed` beats it'),
  foldSeed: count.default(0).describe('seed of the division into folds and of what is held out'),
  network: group({
    inputs: z
      .enum(inputSets.map(({ version }) => version))
      .default(latestInputs.version)
      .describe('what the network sees of a detection'),
    embedding: width.default(64).describe('width of the layer before the recurrent unit'),
    hidden: width.default(64).describe('width of the recurrent unit'),
    dense: width.default(64).describe('width of the layer before the logits'),
    dropout: z.number().min(0).max(0.9).default(0.15).describe('share of units that are dropped')
  }),
  loss: group({
    alpha: z.number().min(0).default(0).describe('levels of the tree count by exp(-alpha * depth)'),
    beta: z.number().min(0).default(0).describe('nodes count by (1 / their share of the objects)^beta'),
    labelsCount: z.enum(['labels', 'nodes']).default('labels').describe('what the weights of beta divide by'),
    lastWeight: share.default(0).describe("share of an object's loss that its last detection gets more"),
    distillation: share.default(0.5).describe('share that is the distance from the answers of `--teachers`')
  }),
  schedule: group({
    batch: positive.default(128).describe('objects in a batch'),
    learningRate: z.number().min(1e-6).max(1).default(0.01).describe('highest learning rate'),
    weightDecay: share.default(1e-4).describe('decay of the weights'),
    earlyStopping: count.default(0).describe('stop after so many epochs without gain on held-out objects (0: never)'),
    heldOut: z
      .number()
      .min(0)
      .max(0.5)
      .optional()
      .describe('share of objects held out (default: 0.1 with earlyStopping, 0.2 with `--leave-out`, else 0)')
  }),
  sampling: group({
    draws: z
      .enum(['natural', 'balanced', 'square-root'])
      .default('natural')
      .describe('how objects are drawn: each once, every label equally often, or between the two'),
    balance: z
      .number()
      .min(0)
      .max(0.5)
      .default(0)
      .describe('least share of the draws of each child of the root (0: as many as it has objects)'),
    persistent: z
      .array(text)
      .default(['Persistent'])
      .describe('children of the root that are persistent sources: seen in time windows and against other references'),
    synthetic: count.default(0).describe('synthetic persistent sources that are added to the training')
  }),
  augmentation: group({
    share: share.default(0.75).describe('share of draws that are varied'),
    copies: positive.default(10).describe('varied copies of an object'),
    cap: z.int().min(2).default(160).describe('most detections of an object, in training')
  }),
  decision: group({
    priorPower: z
      .union([share, power])
      .default(0.4)
      .describe('classes are named by P / prior^x; a number, or by days after the first detection'),
    bestF1: ages
      .default([])
      .describe('until so many days, classes of a set are named for the best expected F1, (P - F1/2) / prior^x')
  }),
  judged: group({
    among: z.array(text).default([]).describe('sets of classes to judge, as `hierax evaluate --among` takes them'),
    minDetections: positive.default(1).describe('least detections of objects that are judged in these sets'),
    days: z
      .array(z.union([z.number().min(0), z.literal('full')]))
      .min(1)
      .default([3, 7, 15, 30, 60, 'full'])
      .transform(ascendingCuts)
      .describe('days after the first detection at which to judge'),
    bootstrap: count.default(100).describe('samples for the errors of the figures')
  }),
  card: group({
    description: text
      .default(
        'Recurrent network over ZTF difference photometry with a softmax inside each group of siblings of a tree.'
      )
      .describe('what the model is'),
    limitations: z.array(text).default([]).describe('where not to trust it, beside what follows from the objects'),
    populations: z
      .record(text, population)
      .default({})
      .describe('class mixes, the first is the default; those of `--population` come before them'),
    license: text.default('Apache-2.0').describe('licence of the model'),
    command: text.optional().describe('command that makes the model (default: the command line)')
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
    `${where}, key ${shown(key)}: ${unknown.length > 0 ? 'it is unknown' : issue?.message}`
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
    values = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') fail((cause as Error).message, cause)
    const names = (await readdir(folder)).map(name => path.basename(name, '.json')).sort()
    fail(isFile ? `${file} does not exist` : `there is none of that name, only ${names.join(', ')}`, cause)
  }
  if (!isGroup(values)) return fail('it must be a JSON object')
  const { extends: parent, ...own } = values
  if (parent === undefined) return own
  if (typeof parent !== 'string') return fail('`extends` must be a name or a file')
  return merged(await valuesOf(parent, path.dirname(file), [...seen, file]), own)
}

type Values = Readonly<Record<string, unknown>>

/** Groups key by key; all else is replaced whole. */
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
