import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { HieraxError, shown } from '../errors.ts'
import { type Card, parseCard, priorsOf, sha256Hex } from './card.ts'
import { type ContextTerm, contextFile, parseContext } from './context-term.ts'
import { type InputSet, inputSetOf } from './input-sets.ts'
import { parseJson, type Refuse, refuserOf } from './model-file.ts'
import { type NoveltyProbe, noveltyFile, parseNovelty } from './novelty.ts'
import { parseTaxonomy, type Taxonomy } from './taxonomy.ts'
import { networkSizes, type Weight, type Weights } from './weights.ts'

/** Folder of the models that come with the package: the same distance from `src/` and from `dist/`. */
export const modelsFolder: string = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../models')

/** The model that is used where none is named. */
export const bundledModel: string = path.join(modelsFolder, 'ztf-hawk-2')

/** The bundled model of the first release. */
export const firstModel: string = path.join(modelsFolder, 'ztf-hawk')

/** The network of the reference study, whose inputs and answers are known to the digit. */
export const referenceModel: string = path.join(modelsFolder, 'ztf-reference')

/** A model as it was read and checked, not yet on a runtime. */
export interface Model {
  readonly card: Card
  readonly taxonomy: Taxonomy
  readonly weights: Weights
  /** What the network sees of a detection. */
  readonly inputs: InputSet
  /** For each node of the taxonomy, the output unit that carries its logit. */
  readonly units: Int32Array
  readonly priors: Float64Array | null
  /** Null for a model that does not judge novelty. */
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
  outputs: z.array(z.string()),
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
 * manifest), the weights, and `taxonomy.json`. Every file's SHA-256 must be the card's. Files that the card does not name
 * are left alone. Throws MODEL_INVALID (or TAXONOMY_INVALID) naming the file, what it is and what it should be.
 */
export async function readModelFolder(folder: string): Promise<Model> {
  const cardFile = path.join(folder, 'card.json')
  const cardBytes = await readOrFail(cardFile)
  const card = parseCard(cardBytes, cardFile)
  const files = new Map<string, Buffer>()
  for (const [name, wanted] of Object.entries(card.files)) {
    const bytes = await readOrFail(path.join(folder, name))
    const got = sha256Hex(bytes)
    if (got !== wanted) {
      throw new HieraxError('MODEL_INVALID', `${path.join(folder, name)}: SHA-256 is ${got}, the card wants ${wanted}`)
    }
    files.set(name, bytes)
  }
  const named = (name: string): Buffer => {
    const bytes = files.get(name)
    if (bytes === undefined)
      throw new HieraxError('MODEL_INVALID', `${cardFile}: the card does not name ${shown(name)}`)
    return bytes
  }
  const networkFile = path.join(folder, 'model.json')
  const network = parseJson(named('model.json').toString('utf8'), networkShape, refuserOf(networkFile))
  const weights = readWeights(network, named, networkFile)
  const taxonomyFile = path.join(folder, 'taxonomy.json')
  const taxonomy = parseTaxonomy(named('taxonomy.json').toString('utf8'), taxonomyFile)
  if (taxonomy.name !== card.taxonomy.name || taxonomy.version !== card.taxonomy.version) {
    const got = `${taxonomy.name} ${taxonomy.version}`
    const want = `${card.taxonomy.name} ${card.taxonomy.version}`
    throw new HieraxError('MODEL_INVALID', `${taxonomyFile}: it is ${got}, the card wants ${want}`)
  }
  const inputs = inputSetOf(card.inputs) as InputSet
  const sizes = networkSizes(weights)
  if (sizes.inputs !== inputs.count) {
    const want = `${inputs.count}, as the inputs ${inputs.version} give`
    throw new HieraxError('MODEL_INVALID', `${networkFile}: the weights take ${sizes.inputs} numbers, want ${want}`)
  }
  const contextText = files.get(contextFile)?.toString('utf8')
  const noveltyText = files.get(noveltyFile)?.toString('utf8')
  return {
    card,
    taxonomy,
    weights,
    inputs,
    units: unitsOf(network.outputs, taxonomy, sizes.outputs, networkFile),
    priors: priorsOf(card, taxonomy, cardFile),
    novelty:
      noveltyText === undefined
        ? null
        : parseNovelty(noveltyText, sizes.hidden, inputs.count, path.join(folder, noveltyFile)),
    context: contextText === undefined ? null : parseContext(contextText, taxonomy, path.join(folder, contextFile)),
    sha256: modelSha256(card.files, cardBytes)
  }
}

/**
 * SHA-256 of a model: over the lines that `sha256sum` prints for its files (the card and those that it names) in the order of
 * their names' bytes. In a folder without other files: `LC_ALL=C sha256sum * | sha256sum`.
 */
export function modelSha256(files: Readonly<Record<string, string>>, cardBytes: Uint8Array): string {
  const all: Record<string, string> = { ...files, 'card.json': sha256Hex(cardBytes) }
  const lines = Object.keys(all)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(name => `${all[name]}  ${name}\n`)
  return sha256Hex(Buffer.from(lines.join('')))
}

async function readOrFail(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new HieraxError('MODEL_INVALID', `${file} can't be read: ${(cause as Error).message}`, { cause })
  }
}

type NetworkFile = z.infer<typeof networkShape>

/** Arrays of the weights manifest: single precision, little-endian, one after another in their file. */
function readWeights(network: NetworkFile, named: (name: string) => Buffer, origin: string): Weights {
  const weights: Record<string, Weight> = {}
  for (const group of network.weightsManifest) {
    const bytes = named(group.paths[0])
    const sizes = group.weights.map(({ shape }) => shape.reduce((size, axis) => size * axis, 1))
    const wanted = 4 * sizes.reduce((sum, size) => sum + size, 0)
    if (bytes.length !== wanted) {
      const got = `${group.paths[0]} has ${bytes.length} bytes`
      throw new HieraxError('MODEL_INVALID', `${origin}: ${got}, its manifest wants ${wanted}`)
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let offset = 0
    for (const [which, { name, shape }] of group.weights.entries()) {
      const values = Float32Array.from({ length: sizes[which] as number }, (_, at) =>
        view.getFloat32(offset + 4 * at, true)
      )
      weights[name] = { shape, values }
      offset += 4 * values.length
    }
  }
  return weights
}

function unitsOf(outputs: readonly string[], taxonomy: Taxonomy, logits: number, origin: string): Int32Array {
  const refuse: Refuse = refuserOf(origin)
  if (outputs.length !== logits) refuse(`it names ${outputs.length} outputs, the weights have ${logits}`)
  for (const name of outputs) {
    if (taxonomy.indexOf(name) < 0) refuse(`the output ${shown(name)} is not a node of the taxonomy below its root`)
  }
  return Int32Array.from(taxonomy.nodes, ({ name }) => {
    const unit = outputs.indexOf(name)
    if (unit < 0) refuse(`no output is named after the node ${shown(name)}`)
    if (outputs.lastIndexOf(name) !== unit) refuse(`two outputs are named ${shown(name)}`)
    return unit
  })
}
