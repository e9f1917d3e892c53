import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { HieraxError, shown } from '../errors.ts'
import { checkRegular } from '../regular-file.ts'
import { type InputSet, inputSetOf } from './inputs/input-sets.ts'
import { type Card, parseCard, priorsOf, sha256Hex } from './model/card.ts'
import { nodeName, parseJson, type Refuse, refuserOf, textOf } from './model/model-file.ts'
import { parseTaxonomy, type Taxonomy } from './model/taxonomy.ts'
import { networkSizes, type Weight, type Weights } from './network/network.ts'
import { type ContextTerm, contextFile, parseContext } from './probabilities/context.ts'
import { type NoveltyProbe, noveltyFile, parseNovelty } from './probabilities/novelty.ts'

/** Folder of the bundled models. The relative path is the same from `src/` and from `dist/`. */
export const modelsFolder: string = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../models')

/** The default model. */
export const bundledModel: string = path.join(modelsFolder, 'ztf-hawk-2')

/** A model that is read and checked, but not yet on a runtime. */
export interface Model {
  readonly card: Card
  readonly taxonomy: Taxonomy
  readonly weights: Weights
  /** The inputs that are computed for each detection. */
  readonly inputs: InputSet
  /** For each node of the taxonomy, the output unit that carries its logit. */
  readonly units: Int32Array
  readonly priors: Float64Array | null
  /** Null for a model without novelty. */
  readonly novelty: NoveltyProbe | null
  /** Null for a model without a context term. */
  readonly context: ContextTerm | null
  /** SHA-256 of the model, hex: see `modelSha256`. */
  readonly sha256: string
}

const networkShape = z.strictObject({
  format: z.literal('hierax-network'),
  formatVersion: z.literal(1),
  /** Names of the nodes whose logits the output units carry, in order. */
  outputs: z.array(nodeName),
  weightsManifest: z
    .array(
      z.strictObject({
        paths: z.tuple([z.string()]),
        weights: z.array(
          z.strictObject({
            name: z.string(),
            shape: z.array(z.number().int().positive()),
            dtype: z.literal('float32')
          })
        )
      })
    )
    .min(1)
})

/**
 * Reads a model folder: `card.json` and the files that it names, at least `model.json` (outputs and a TensorFlow.js weights
 * manifest), the weights, and `taxonomy.json`. The SHA-256 of every file must equal that in the card. Files that the card does not
 * name are ignored. Throws MODEL_INVALID (or TAXONOMY_INVALID) with the file, the value and the expected value.
 */
export async function readModelFolder(folder: string): Promise<Model> {
  const pathOf = (name: string): string => path.join(folder, name)
  const cardBytes = await readOrRefuse(pathOf('card.json'))
  const card = parseCard(cardBytes, pathOf('card.json'))
  const files = new Map<string, Buffer>()
  for (const [name, wanted] of Object.entries(card.files)) {
    const bytes = await readOrRefuse(pathOf(name))
    const got = sha256Hex(bytes)
    if (got !== wanted) refuserOf(pathOf(name))(`SHA-256 is ${got}, the card has ${wanted}`)
    files.set(name, bytes)
  }
  const named = (name: string): Buffer =>
    files.get(name) ?? refuserOf(pathOf('card.json'))(`the card does not name ${shown(name)}`)
  const textNamed = (name: string): string => textOf(named(name), refuserOf(pathOf(name)))
  const ifNamed = <Content>(name: string, parse: (text: string, origin: string) => Content): Content | null =>
    files.has(name) ? parse(textNamed(name), pathOf(name)) : null

  const refuseNetwork = refuserOf(pathOf('model.json'))
  const network = parseJson(textNamed('model.json'), networkShape, refuseNetwork)
  const weights = readWeights(network, named, refuseNetwork)
  const taxonomy = parseTaxonomy(textNamed('taxonomy.json'), pathOf('taxonomy.json'))
  const [got, wanted] = [taxonomy, card.taxonomy].map(({ name, version }) => `${name} ${version}`)
  if (got !== wanted) refuserOf(pathOf('taxonomy.json'))(`it is ${got}, the card has ${wanted}`)
  const inputs = inputSetOf(card.inputs) as InputSet
  const sizes = networkSizes(weights)
  if (sizes.inputs !== inputs.count) {
    const want = `${inputs.count}, as the inputs ${inputs.version} give`
    refuseNetwork(`the weights take ${sizes.inputs} numbers, expected ${want}`)
  }
  return {
    card,
    taxonomy,
    weights,
    inputs,
    units: unitsOf(network.outputs, taxonomy, sizes.outputs, refuseNetwork),
    priors: priorsOf(card, taxonomy, pathOf('card.json')),
    novelty: ifNamed(noveltyFile, (text, origin) => parseNovelty(text, sizes.hidden, inputs.count, origin)),
    context: ifNamed(contextFile, (text, origin) => parseContext(text, taxonomy, origin)),
    sha256: modelSha256(card.files, cardBytes)
  }
}

/**
 * SHA-256 of a model: over the lines that `sha256sum` prints for its files (the card and those that it names), sorted by the bytes of
 * their names. In a folder without other files: `LC_ALL=C sha256sum * | sha256sum`.
 */
export function modelSha256(files: Readonly<Record<string, string>>, cardBytes: Uint8Array): string {
  const all: Record<string, string> = { ...files, 'card.json': sha256Hex(cardBytes) }
  const lines = Object.keys(all)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(name => `${all[name]}  ${name}\n`)
  return sha256Hex(Buffer.from(lines.join('')))
}

async function readOrRefuse(file: string): Promise<Buffer> {
  try {
    checkRegular(file)
    return await readFile(file)
  } catch (cause) {
    throw new HieraxError('MODEL_INVALID', `${file} can't be read: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Arrays of the weights manifest: single precision, little-endian, one after another in their file. Assumes a little-endian machine.
 */
function readWeights(
  { weightsManifest }: z.infer<typeof networkShape>,
  named: (name: string) => Buffer,
  refuse: Refuse
): Weights {
  const weights: Record<string, Weight> = {}
  for (const { paths, weights: arrays } of weightsManifest) {
    const bytes = named(paths[0])
    const sizes = arrays.map(({ shape }) => shape.reduce((size, axis) => size * axis, 1))
    const wanted = 4 * sizes.reduce((sum, size) => sum + size, 0)
    if (bytes.length !== wanted) refuse(`${paths[0]} has ${bytes.length} bytes, its manifest requires ${wanted}`)
    let offset = 0
    for (const [which, { name, shape }] of arrays.entries()) {
      const end = offset + 4 * (sizes[which] as number)
      weights[name] = { shape, values: new Float32Array(new Uint8Array(bytes.subarray(offset, end)).buffer) }
      offset = end
    }
  }
  return weights
}

/** For each node of the taxonomy, the output unit that carries its logit. */
function unitsOf(outputs: readonly string[], taxonomy: Taxonomy, logits: number, refuse: Refuse): Int32Array {
  if (outputs.length !== logits) refuse(`it names ${outputs.length} outputs, the weights have ${logits}`)
  const stranger = outputs.find(name => taxonomy.indexOf(name) < 0)
  if (stranger !== undefined) refuse(`the output ${shown(stranger)} is not a node of the taxonomy below its root`)
  return Int32Array.from(taxonomy.nodes, ({ name }) => {
    const unit = outputs.indexOf(name)
    if (unit < 0) refuse(`no output is named after the node ${shown(name)}`)
    if (outputs.lastIndexOf(name) !== unit) refuse(`two outputs are named ${shown(name)}`)
    return unit
  })
}
