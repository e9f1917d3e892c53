import { HieraxError } from '../errors.ts'
import { temperatureAt } from './card.ts'
import { type DecisionRule, decide } from './decision.ts'
import { encodeState, type StateLayout, stateLayout } from './hidden-state.ts'
import type { InputSet } from './input-sets.ts'
import { daysSinceFirst } from './inputs.ts'
import { type Lane, openLane, type SteppedQuestion, stepsToNextStop, Workspace } from './lanes.ts'
import { type Model, readModelFolder } from './model-folder.ts'
import { Network } from './network.ts'
import { type NoveltyProbe, type Sight, sightOf } from './novelty.ts'
import { ignorance, nodeProbabilities } from './probabilities.ts'
import { checkProbe } from './probe.ts'
import { createRuntime, type Runtime, type RuntimeName } from './runtime.ts'
import type { Answer, Classifier, Reply, TaxonomyNode } from './types.ts'

/** Rows of one call of the network. */
const maxRows = 256
/** Bound on steps × (rows + cost of a call's overhead, in rows) of one call: a few milliseconds. */
const maxWork = 400
const overhead = 24
/** The event loop is let go when it was held for longer, ms. */
const maxHold = 5

/** Loads a model folder onto a runtime and tries it on its probe. Throws MODEL_INVALID, TAXONOMY_INVALID, RUNTIME_UNAVAILABLE. */
export async function loadClassifier(
  folder: string,
  options: { runtime?: RuntimeName } = {}
): Promise<RecurrentClassifier> {
  const model = await readModelFolder(folder)
  const classifier = new RecurrentClassifier(model, await createRuntime(options.runtime))
  try {
    await checkProbe(classifier, model.card, folder)
  } catch (error) {
    classifier.dispose()
    throw error
  }
  return classifier
}

/** A reply with what novelty is judged by; null before the first detection. */
export interface SteppedReply extends Reply {
  readonly sight: Sight | null
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
  readonly #novelty: NoveltyProbe | null
  /** The batch in work: workspace and buffers serve one at a time. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(model: Model, runtime: Runtime) {
    this.name = model.card.name
    this.version = model.card.version
    this.sha256 = model.sha256
    this.taxonomy = model.taxonomy.name
    this.taxonomyVersion = model.taxonomy.version
    this.nodes = model.taxonomy.nodes
    this.root = model.taxonomy.root
    this.runtime = runtime.name
    this.#model = model
    this.#tf = runtime.tf
    this.#network = new Network(runtime, model.weights)
    this.#rule = { priorPower: model.card.decision.priorPower, priors: model.priors }
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
    const hold = new Hold()
    for (let from = 0; from < questions.length; from += maxRows) {
      // The longest first, so that those still under way are always the first rows.
      const lanes = questions
        .slice(from, from + maxRows)
        .map((question, row) => openLane(this.#layout, question, from + row))
        .sort((a, b) => b.pending.length - a.pending.length)
      lanes.forEach((lane, row) => {
        this.#workspace.load(row, lane.resumed)
      })
      let rows = countWhile(lanes, lane => lane.pending.length > 0)
      while (rows > 0) {
        this.#advance(lanes, rows)
        rows = countWhile(lanes, lane => lane.done < lane.pending.length)
        await hold.release()
      }
      lanes.forEach((lane, row) => {
        replies[lane.index] = this.#reply(lane, row)
      })
      await hold.release()
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
      const { question, pending, done } = lanes[row] as Lane
      const state = workspace.inputs(row)
      for (let step = 0; step < steps; step++) {
        const { at, point } = pending[done + step] as Lane['pending'][number]
        this.#set.step(state, question.curve, at, point, this.#inputs, (step * rows + row) * width)
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
      const answer = { ...ignorance(taxonomy), prediction: null, novelty: null }
      return { answer, state: new Uint8Array(0), steps: 0, sight: null }
    }
    const byUnit = this.#workspace.logits(row)
    for (let node = 0; node < units.length; node++) this.#logits[node] = byUnit[units[node] as number] as number
    const days = daysSinceFirst(this.#workspace.inputs(row))
    const temperature = temperatureAt(card, days)
    const nodes = nodeProbabilities(taxonomy, this.#logits, temperature)
    const { conditional, probability } = nodes
    const sight = sightOf(taxonomy, this.#workspace.mean(row), this.#logits, lane.before + lane.pending.length)
    const novelty = this.#novelty?.novelty(sight) ?? null
    const answer: Answer = { conditional, probability, prediction: decide(taxonomy, this.#rule, nodes, days), novelty }
    if (Number.isNaN(probability[0])) {
      throw new HieraxError('INTERNAL', 'the network gave a probability that is not a number')
    }
    const state = encodeState(this.#layout, this.#workspace.bytes(row), lane.older)
    return { answer, state, steps: lane.pending.length, sight }
  }
}

/** Lets the event loop go on when it was held for too long. */
class Hold {
  #since = performance.now()

  async release(): Promise<void> {
    if (performance.now() - this.#since <= maxHold) return
    await new Promise<void>(resolve => setImmediate(resolve))
    this.#since = performance.now()
  }
}

function countWhile<T>(items: readonly T[], holds: (item: T) => boolean): number {
  const end = items.findIndex(item => !holds(item))
  return end < 0 ? items.length : end
}
