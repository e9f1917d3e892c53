import { HieraxError } from '../errors.ts'
import { createYield } from '../event-loop.ts'
import type { InputSet } from './inputs/input-sets.ts'
import { daysSinceFirst } from './inputs/inputs.ts'
import { temperatureAt } from './model/card.ts'
import { type DecisionRule, decide } from './model/decision.ts'
import { type Model, readModelFolder } from './model-folder.ts'
import { encodeState, type StateLayout, stateLayout } from './network/hidden-state.ts'
import { KernelNetwork } from './network/kernel-network.ts'
import { Network } from './network/network.ts'
import { createRuntime, type Runtime, type RuntimeName } from './network/runtime.ts'
import { RowMemory, SequenceRow, type SteppedQuestion } from './network/sequence-rows.ts'
import { type NoveltyFeatures, noveltyFeatures } from './probabilities/novelty.ts'
import { type PopulationSetting, populationOf } from './probabilities/population.ts'
import { Composer, ignorance } from './probabilities/probabilities.ts'
import { checkProbe } from './probe.ts'
import type { Classifier, Population, Reply, TaxonomyNode } from './types.ts'

/** Rows of one call of the network. */
const maxRows = 256
/** Maximum of steps × (rows + overhead) in one call, which takes a few milliseconds. The overhead of a call is given in rows. */
const maxWork = 400
const overhead = 24
/** Maximum time that a batch blocks the event loop, ms. */
const maxHold = 5

/** Loads a model folder onto a runtime and checks its probe. Throws MODEL_INVALID, TAXONOMY_INVALID, RUNTIME_UNAVAILABLE. */
export async function loadClassifier(
  folder: string,
  options: { runtime?: RuntimeName; population?: PopulationSetting } = {}
): Promise<RecurrentClassifier> {
  return createClassifier(await readModelFolder(folder), folder, options)
}

/** As `loadClassifier`, for a model that was read from `folder` before. */
export async function createClassifier(
  model: Model,
  folder: string,
  options: { runtime?: RuntimeName; population?: PopulationSetting } = {}
): Promise<RecurrentClassifier> {
  const population = populationOf(model.card, model.taxonomy, options.population)
  const runtime = await inferenceRuntime(options.runtime)
  const probed = new RecurrentClassifier(model, runtime)
  try {
    await checkProbe(probed, model.card, folder)
  } catch (error) {
    probed.dispose()
    throw error
  }
  return probed.withPopulation(population)
}

/** What computes the networks of classifiers: the kernel for `wasm`, TensorFlow.js for `node`. */
type InferenceRuntime = Runtime | { readonly name: 'wasm' }

/**
 * The runtime of a classifier. `wasm` works everywhere, needs no TensorFlow.js, and its results are bit-identical at any batch size. `node` is
 * that of {@link createRuntime}; `auto` is `node` where it loads, else `wasm`. Throws RUNTIME_UNAVAILABLE.
 */
async function inferenceRuntime(name: RuntimeName = 'wasm'): Promise<InferenceRuntime> {
  if (name === 'wasm') return { name }
  try {
    return await createRuntime('node')
  } catch (error) {
    if (name === 'auto' && error instanceof HieraxError && error.code === 'RUNTIME_UNAVAILABLE') return { name: 'wasm' }
    throw error
  }
}

/** The part of a network that a classifier uses. */
export type SteppedNetwork = Pick<Network, 'sizes' | 'advance' | 'head' | 'dispose'>

/** A reply with the input of novelty (null before the first detection) and the logits of the network. */
export interface SteppedReply extends Reply {
  readonly noveltyFeatures: NoveltyFeatures | null
  /** Logits divided by the temperature, by node, for the class mix of the training set and without the context term. */
  readonly logits: Float64Array
}

/** A classifier that steps a recurrent network through an object's detections. */
export class RecurrentClassifier implements Classifier {
  readonly name: string
  readonly version: string
  readonly sha256: string
  readonly taxonomy: string
  readonly taxonomyVersion: string
  readonly nodes: readonly TaxonomyNode[]
  readonly root: string
  readonly runtime: string
  readonly population: Population | null
  readonly #model: Model
  readonly #runtime: InferenceRuntime
  readonly #network: SteppedNetwork
  readonly #rule: DecisionRule
  readonly #set: InputSet
  readonly #layout: StateLayout
  readonly #memory: readonly RowMemory[]
  readonly #inputs: Float32Array
  readonly #hidden: Float32Array
  readonly #features: Float32Array
  readonly #logits: Float32Array
  readonly #composer: Composer
  /** Settles after the batch in progress: all batches share the memory and the buffers. */
  #queue: Promise<unknown> = Promise.resolve()

  /** Without a population, probabilities apply to the class mix of the training set. */
  constructor(model: Model, runtime: InferenceRuntime, population: Population | null = null, network?: SteppedNetwork) {
    this.name = model.card.name
    this.version = model.card.version
    this.sha256 = model.sha256
    this.taxonomy = model.taxonomy.name
    this.taxonomyVersion = model.taxonomy.version
    this.nodes = model.taxonomy.nodes
    this.root = model.taxonomy.root
    this.runtime = runtime.name
    this.population = population
    this.#model = model
    this.#runtime = runtime
    this.#network =
      network ?? (runtime.name === 'node' ? new Network(runtime, model.weights) : new KernelNetwork(model.weights))
    this.#composer = new Composer(model, population)
    this.#rule = decisionRuleOf(model, population)
    const sizes = this.#network.sizes
    this.#set = model.inputs
    this.#layout = stateLayout(sizes, model.inputs, model.sha256)
    this.#memory = Array.from({ length: maxRows }, () => new RowMemory(this.#layout, model.inputs))
    this.#inputs = new Float32Array(maxWork * sizes.inputs)
    this.#hidden = new Float32Array(maxRows * sizes.hidden)
    this.#features = new Float32Array(maxRows * sizes.features)
    this.#logits = new Float32Array(sizes.outputs)
  }

  /** A classifier with the same network and another class mix. This one must not be used afterwards. */
  withPopulation(population: Population | null): RecurrentClassifier {
    return new RecurrentClassifier(this.#model, this.#runtime, population, this.#network)
  }

  async classify(questions: readonly SteppedQuestion[]): Promise<SteppedReply[]> {
    const before = this.#queue
    const replies = before.then(() => this.#classify(questions))
    this.#queue = replies.catch(() => {})
    return replies
  }

  tensors(): number {
    return this.#runtime.name === 'node' ? this.#runtime.tf.memory().numTensors : 0
  }

  dispose(): void {
    this.#network.dispose()
  }

  async #classify(questions: readonly SteppedQuestion[]): Promise<SteppedReply[]> {
    const replies = new Array<SteppedReply>(questions.length)
    const yieldIfBusy = createYield(maxHold)
    for (let from = 0; from < questions.length; from += maxRows) {
      // The longest first, so that the unfinished rows always come first.
      const rows = questions
        .slice(from, from + maxRows)
        .map((question, row) => new SequenceRow(this.#layout, this.#set, question, from + row))
        .sort((a, b) => b.pending.length - a.pending.length)
      for (let at = 0; at < rows.length; at++) this.#memoryOf(at).load((rows[at] as SequenceRow).resumed)
      for (let active = countActive(rows); active > 0; active = countActive(rows)) {
        this.#advance(rows, active)
        await yieldIfBusy()
      }
      for (const [at, row] of rows.entries()) replies[row.index] = this.#reply(row, this.#memoryOf(at))
      await yieldIfBusy()
    }
    return replies
  }

  #memoryOf(row: number): RowMemory {
    return this.#memory[row] as RowMemory
  }

  /** One call of the network for the first `active` rows. The number of steps is limited by the work and by the first row that must stop. */
  #advance(rows: readonly SequenceRow[], active: number): void {
    let steps = Math.max(1, Math.floor(maxWork / (active + overhead)))
    for (let at = 0; at < active; at++) steps = Math.min(steps, (rows[at] as SequenceRow).stepsToNextStop())
    const { hidden, embedding, inputs: width, features } = this.#network.sizes
    for (let at = 0; at < active; at++) {
      const row = rows[at] as SequenceRow
      const memory = this.#memoryOf(at)
      if (row.restarts[0] === row.detections) {
        row.restarts.shift()
        memory.restart(row.pending[row.done] as number)
      }
      for (let step = 0; step < steps; step++) {
        const index = row.pending[row.done + step] as number
        const offset = (step * active + at) * width
        this.#set.step(memory.inputs, row.question.curve, index, this.#inputs, offset)
        if (this.#set.outsideAt >= 0 && this.#model.novelty?.isOutside(this.#inputs, offset) === true) {
          memory.inputs[this.#set.outsideAt] = 1
        }
      }
      this.#hidden.set(memory.hidden, at * hidden)
    }
    const inputs = this.#inputs.subarray(0, steps * active * width)
    const after = this.#network.advance(active, steps, inputs, this.#hidden.subarray(0, active * hidden))
    let finished = 0
    for (let at = 0; at < active; at++) {
      const row = rows[at] as SequenceRow
      const memory = this.#memoryOf(at)
      for (const each of after.hidden) memory.accumulate(each, at * hidden)
      row.done += steps
      capture(row, memory)
      if (row.isDone) memory.features(after.embedding, at * embedding, embedding, this.#features, features * finished++)
    }
    if (finished > 0) this.#answer(active - finished, finished)
  }

  /** Runs the head for the `finished` rows from `first` on. Rows are sorted, so finished rows are the last active ones. */
  #answer(first: number, finished: number): void {
    const { features, outputs } = this.#network.sizes
    const logits = this.#network.head(finished, this.#features.subarray(0, finished * features))
    for (let row = 0; row < finished; row++) {
      this.#memoryOf(first + row).logits.set(logits.subarray(row * outputs, (row + 1) * outputs))
    }
  }

  #reply(row: SequenceRow, memory: RowMemory): SteppedReply {
    const { taxonomy, card, units } = this.#model
    if (row.detections === 0) {
      const answer = { ...ignorance(taxonomy), prediction: null, novelty: null, evidence: [] }
      const logits = new Float64Array(taxonomy.nodes.length)
      return { answer, state: encodeState(this.#layout, row.later), steps: 0, noveltyFeatures: null, logits }
    }
    for (let node = 0; node < units.length; node++) this.#logits[node] = memory.logits[units[node] as number] as number
    const days = daysSinceFirst(memory.inputs)
    const temperature = temperatureAt(card, days)
    const { nodes, evidence, logits } = this.#composer.compose(this.#logits, temperature, row.question.alert ?? null)
    if (Number.isNaN(nodes.probability[0])) {
      throw new HieraxError('INTERNAL', 'a probability of the network is not a number')
    }
    const features = noveltyFeatures(taxonomy, memory.mean(), this.#logits, row.detections)
    const outside = this.#set.outsideAt >= 0 && memory.inputs[this.#set.outsideAt] === 1
    const novelty = outside ? 1 : (this.#model.novelty?.novelty(features) ?? null)
    const prediction = decide(taxonomy, this.#rule, nodes, days)
    const state = encodeState(this.#layout, [...row.later, memory.answered(), ...row.older])
    const { conditional, probability } = nodes
    return {
      answer: { conditional, probability, prediction, novelty, evidence },
      state,
      steps: row.pending.length,
      noveltyFeatures: features,
      logits
    }
  }
}

/** Completes the checkpoint of a row that must stop here, and copies it if it is one of the older checkpoints to keep. */
function capture(row: SequenceRow, memory: RowMemory): void {
  const { question, detections, captures, pending, done } = row
  const captured = captures[0] === detections
  if (!captured && !row.isDone) return
  const length = (pending[done - 1] as number) + 1
  memory.seal(length, question.curve.hashOf(length))
  if (!captured) return
  captures.shift()
  row.older.unshift(memory.capture())
}

/** Siblings with shares in the population are compared by probability alone, all others with the priors of the training set. */
function decisionRuleOf({ card, priors, taxonomy }: Model, population: Population | null): DecisionRule {
  const { priorPower } = card.decision
  if (priors === null || population === null) return { priorPower, priors }
  const weighed = priors.map((prior, node) => {
    const { name } = taxonomy.nodes[node] as TaxonomyNode
    return Object.hasOwn(population.shares, name) ? 1 : prior
  })
  return { priorPower, priors: weighed }
}

/** Number of unfinished rows; they come first. */
function countActive(rows: readonly SequenceRow[]): number {
  const end = rows.findIndex(row => row.isDone)
  return end < 0 ? rows.length : end
}
