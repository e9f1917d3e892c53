import { HieraxError } from '../errors.ts'
import { createYield } from '../event-loop.ts'
import { temperatureAt } from './card.ts'
import { type DecisionRule, decide } from './decision.ts'
import { encodeState, type StateLayout, stateLayout } from './hidden-state.ts'
import type { InputSet } from './input-sets.ts'
import { daysSinceFirst } from './inputs.ts'
import { type Lane, openLane, type SteppedQuestion, stepsToNextStop, Workspace } from './lanes.ts'
import { type Model, readModelFolder } from './model-folder.ts'
import { Network } from './network.ts'
import { type NoveltyProbe, type Sight, sightOf } from './novelty.ts'
import { type PopulationSetting, populationOf } from './population.ts'
import { Composer, ignorance } from './probabilities.ts'
import { checkProbe } from './probe.ts'
import { createRuntime, type Runtime, type RuntimeName } from './runtime.ts'
import type { Answer, Classifier, Population, Reply, TaxonomyNode } from './types.ts'

/** Rows of one call of the network. */
const maxRows = 256
/** Bound on steps × (rows + cost of a call's overhead, in rows) of one call: a few milliseconds. */
const maxWork = 400
const overhead = 24
/** Longest time that a batch holds the event loop, ms. */
const maxHold = 5

/** Loads a model folder onto a runtime and tries it on its probe. Throws MODEL_INVALID, TAXONOMY_INVALID, RUNTIME_UNAVAILABLE. */
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
  const runtime = await createRuntime(options.runtime)
  const probed = new RecurrentClassifier(model, runtime)
  try {
    await checkProbe(probed, model.card, folder)
  } catch (error) {
    probed.dispose()
    throw error
  }
  return probed.withPopulation(population)
}

/** A reply with what novelty is judged by (null before the first detection), and what the network alone says. */
export interface SteppedReply extends Reply {
  readonly sight: Sight | null
  /** Logits over temperature by node, at the class mix of the training, without the context term. */
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
  readonly #tf: Runtime['tf']
  readonly #network: Network
  readonly #rule: DecisionRule
  readonly #set: InputSet
  readonly #layout: StateLayout
  readonly #workspace: Workspace
  readonly #inputs: Float32Array
  readonly #hidden: Float32Array
  readonly #features: Float32Array
  readonly #logits: Float32Array
  readonly #composer: Composer
  readonly #novelty: NoveltyProbe | null
  /** The batch in work: workspace and buffers serve one at a time. */
  #queue: Promise<unknown> = Promise.resolve()

  /** Without a population, probabilities are given at the class mix of the training. */
  constructor(model: Model, runtime: Runtime, population: Population | null = null, network?: Network) {
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
    this.#tf = runtime.tf
    this.#network = network ?? new Network(runtime, model.weights)
    this.#composer = new Composer(model, population)
    this.#rule = decisionRuleOf(model, population)
    const sizes = this.#network.sizes
    this.#set = model.inputs
    this.#layout = stateLayout(sizes, model.inputs, model.sha256)
    this.#workspace = new Workspace(this.#layout, model.inputs, maxRows)
    this.#inputs = new Float32Array(maxWork * sizes.inputs)
    this.#hidden = new Float32Array(maxRows * sizes.hidden)
    this.#features = new Float32Array(maxRows * sizes.features)
    this.#logits = new Float32Array(sizes.outputs)
    this.#novelty = model.novelty
  }

  /** The same network with another class mix; this one must not be used any more. */
  withPopulation(population: Population | null): RecurrentClassifier {
    return new RecurrentClassifier(
      this.#model,
      { name: this.runtime as Runtime['name'], tf: this.#tf },
      population,
      this.#network
    )
  }

  async classify(questions: readonly SteppedQuestion[]): Promise<SteppedReply[]> {
    const before = this.#queue
    const replies = before.then(() => this.#classify(questions))
    this.#queue = replies.catch(() => {})
    return replies
  }

  tensors(): number {
    return this.#tf.memory().numTensors
  }

  dispose(): void {
    this.#network.dispose()
  }

  async #classify(questions: readonly SteppedQuestion[]): Promise<SteppedReply[]> {
    const replies = new Array<SteppedReply>(questions.length)
    const yieldIfBusy = createYield(maxHold)
    for (let from = 0; from < questions.length; from += maxRows) {
      // The longest first, so that those still under way are always the first rows.
      const lanes = questions
        .slice(from, from + maxRows)
        .map((question, row) => openLane(this.#layout, this.#set, question, from + row))
        .sort((a, b) => b.pending.length - a.pending.length)
      lanes.forEach((lane, row) => {
        this.#workspace.load(row, lane.resumed)
      })
      let rows = countWhile(lanes, lane => lane.pending.length > 0)
      while (rows > 0) {
        this.#advance(lanes, rows)
        rows = countWhile(lanes, lane => lane.done < lane.pending.length)
        await yieldIfBusy()
      }
      lanes.forEach((lane, row) => {
        replies[lane.index] = this.#reply(lane, row)
      })
      await yieldIfBusy()
    }
    return replies
  }

  /** One call of the network: the first `rows` lanes by as many steps as the next of them that must stop, or work, allows. */
  #advance(lanes: readonly Lane[], rows: number): void {
    let steps = Math.max(1, Math.floor(maxWork / (rows + overhead)))
    for (let row = 0; row < rows; row++) steps = Math.min(steps, stepsToNextStop(lanes[row] as Lane))
    const { hidden, embedding, inputs: width } = this.#network.sizes
    const workspace = this.#workspace
    for (let row = 0; row < rows; row++) {
      const { question, pending, done, before, restarts } = lanes[row] as Lane
      const state = workspace.inputs(row)
      if (restarts[0] === before + done) {
        restarts.shift()
        workspace.restart(row, (pending[done] as Lane['pending'][number]).at)
      }
      for (let step = 0; step < steps; step++) {
        const { at, point } = pending[done + step] as Lane['pending'][number]
        const offset = (step * rows + row) * width
        this.#set.step(state, question.curve, at, point, this.#inputs, offset)
        if (this.#novelty?.isOutside(this.#inputs, offset) === true && this.#set.outsideAt >= 0)
          state[this.#set.outsideAt] = 1
      }
      this.#hidden.set(workspace.vector(row, 0), row * hidden)
    }
    const inputs = this.#inputs.subarray(0, steps * rows * width)
    const after = this.#network.advance(rows, steps, inputs, this.#hidden.subarray(0, rows * hidden))
    let finished = 0
    for (let row = 0; row < rows; row++) {
      const lane = lanes[row] as Lane
      for (const each of after.hidden) workspace.accumulate(row, each, row * hidden)
      lane.done += steps
      this.#capture(lane, row)
      if (lane.done < lane.pending.length) continue
      workspace.features(
        row,
        after.embedding,
        row * embedding,
        embedding,
        this.#features,
        finished++ * this.#network.sizes.features
      )
    }
    if (finished > 0) this.#answer(rows - finished, finished)
  }

  /** Seals the checkpoint of a lane that has come to a stop, and keeps a copy where it is to be one of the older ones. */
  #capture(lane: Lane, row: number): void {
    const detections = lane.before + lane.done
    const stops = lane.captures[0] === detections
    if (!stops && lane.done < lane.pending.length) return
    const length = (lane.pending[lane.done - 1] as Lane['pending'][number]).at + 1
    this.#workspace.seal(row, length, lane.question.curve.hashOf(length))
    if (!stops) return
    lane.captures.shift()
    lane.older.unshift(this.#workspace.capture(row, length, detections))
  }

  /** The head for `finished` rows from `first` on, which have come to their ends; lanes are sorted, so they are the last. */
  #answer(first: number, finished: number): void {
    const { features, outputs } = this.#network.sizes
    const logits = this.#network.head(finished, this.#features.subarray(0, finished * features))
    for (let row = 0; row < finished; row++) {
      this.#workspace.logits(first + row).set(logits.subarray(row * outputs, (row + 1) * outputs))
    }
  }

  #reply(lane: Lane, row: number): SteppedReply {
    const { taxonomy, card, units } = this.#model
    if (lane.before + lane.pending.length === 0) {
      const answer = { ...ignorance(taxonomy), prediction: null, novelty: null, evidence: [] }
      const logits = new Float64Array(taxonomy.nodes.length)
      return { answer, state: new Uint8Array(0), steps: 0, sight: null, logits }
    }
    const byUnit = this.#workspace.logits(row)
    for (let node = 0; node < units.length; node++) this.#logits[node] = byUnit[units[node] as number] as number
    const inputs = this.#workspace.inputs(row)
    const days = daysSinceFirst(inputs)
    const temperature = temperatureAt(card, days)
    const { nodes, evidence, logits } = this.#composer.compose(this.#logits, temperature, lane.question.alert ?? null)
    const { conditional, probability } = nodes
    const sight = sightOf(taxonomy, this.#workspace.mean(row), this.#logits, lane.before + lane.pending.length)
    const outside = this.#set.outsideAt >= 0 && inputs[this.#set.outsideAt] === 1
    const novelty = outside ? 1 : (this.#novelty?.novelty(sight) ?? null)
    const prediction = decide(taxonomy, this.#rule, nodes, days)
    if (Number.isNaN(probability[0])) {
      throw new HieraxError('INTERNAL', 'the network gave a probability that is not a number')
    }
    const state = encodeState(this.#layout, this.#workspace.bytes(row), lane.older)
    const answer: Answer = { conditional, probability, prediction, novelty, evidence }
    return { answer, state, steps: lane.pending.length, sight, logits }
  }
}

/** Siblings whose shares the population gives compete by their probability; others are weighed by the training's priors. */
function decisionRuleOf({ card, priors, taxonomy }: Model, population: Population | null): DecisionRule {
  const { priorPower } = card.decision
  if (priors === null || population === null) return { priorPower, priors }
  const weighed = priors.map((prior, node) => {
    const { name } = taxonomy.nodes[node] as TaxonomyNode
    return population.shares[name] === undefined ? prior : 1
  })
  return { priorPower, priors: weighed }
}

function countWhile<T>(items: readonly T[], holds: (item: T) => boolean): number {
  const end = items.findIndex(item => !holds(item))
  return end < 0 ? items.length : end
}
