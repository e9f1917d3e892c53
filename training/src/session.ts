import type { CardDraft } from 'hierax/classifier/card.ts'
import type { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import type { PriorPower } from 'hierax/classifier/decision.ts'
import type { RuntimeName } from 'hierax/classifier/runtime.ts'
import { limitationsOf, settingsNote } from './card-text.ts'
import type { FitListener, FitPlan, FitSession } from './checkpointed-fit.ts'
import type { EvaluationOptions } from './evaluation.ts'
import { exportModel, type Trained } from './export.ts'
import { type FitState, finalWeights } from './fit.ts'
import type { KnownObject } from './labelled.ts'
import type { Naming, NamingAges } from './naming.ts'
import { type Cut, type Prediction, predictAll } from './predict.ts'
import type { Table } from './tables.ts'

/** What `hierax train` is to do. */
export interface TrainPlan extends FitPlan {
  readonly data: readonly string[]
  readonly taxonomy: string
  readonly out: string
  readonly runtime: RuntimeName
  /** Cross-validation over so many folds instead of a model of all objects; 0: none. */
  readonly folds: number
  /** Only this one of them, 0 … folds − 1. */
  readonly fold: number | null
  /** Nodes without whose objects to train, one after another, to try how novel they look; empty for none. */
  readonly leaveOut: readonly string[]
  /** Folder of such a run whose figures the card is to have. */
  readonly leftOut: string | null
  /** Folder of a cross-validation whose temperature and figures the card is to have. */
  readonly crossValidation: string | null
  /** Model to begin with, or a cross-validation whose networks of the same fold are begun with; null: random weights. */
  readonly start: string | null
  /** Models to learn from, or cross-validations whose networks of the same fold are learned from. */
  readonly teachers: readonly string[]
  /** Class mixes for the card, the default first. */
  readonly populations: Trained['populations']
  /** Sentences for the card beside those that follow from the training set. */
  readonly limitations: readonly string[]
  /** Synthetic objects to add to the training, if any; they are never judged. */
  readonly synthetic: number
  /** Labelled packets for a context term; null for none. */
  readonly alerts: readonly string[] | null
  /** Sets of classes to judge, as `--among` takes them. */
  readonly among: readonly string[]
  readonly minDetections: number
  readonly days: readonly Cut[]
  readonly bootstrap: number
  readonly card: Pick<CardDraft, 'name' | 'version' | 'description' | 'license'>
  readonly priorPower: PriorPower
  /** Ages at which the best F1 to be expected decides among a set of classes; empty for none. */
  readonly namingAges: NamingAges
  /** The command line, for the card. */
  readonly command: string
}

/** Who is told how it goes. */
export interface TrainListener extends FitListener {
  note(text: string): void
  tables(tables: readonly Table[]): void
}

/** What all parts of a run have in common. */
export interface Session extends FitSession {
  readonly plan: TrainPlan
  readonly objects: readonly KnownObject[]
  readonly notes: readonly string[]
  readonly evaluation: EvaluationOptions
  readonly listener: TrainListener
}

/** What a card says beside how the network was trained. */
export interface Findings extends Pick<CardDraft, 'temperature' | 'metrics'> {
  readonly notes?: readonly string[]
  readonly naming?: Naming
  readonly novelty: Trained['novelty']
  readonly context?: Trained['context']
  readonly purity?: CardDraft['purity']
}

/** Nothing is known yet: for a model that is still to be judged. */
export const unjudged: Findings = { temperature: null, metrics: [], novelty: null }

/** Writes a trained network as a model folder and opens it. */
export async function exported(
  { plan, taxonomy, taxonomyText, runtime, notes: found }: Session,
  folder: string,
  state: FitState,
  objects: readonly KnownObject[],
  { temperature, metrics, notes = [], naming = [], novelty, context = null, purity }: Findings
): Promise<RecurrentClassifier> {
  const training = {
    command: plan.command,
    seed: plan.fit.seed,
    notes: [settingsNote(plan.fit, state, runtime.name), ...found, ...notes]
  }
  const limitations = [...plan.limitations, ...limitationsOf(taxonomy, objects)]
  const { priorPower } = plan
  const decision = {
    priorPower: typeof priorPower === 'number' ? priorPower : [...priorPower],
    ...(naming.length > 0 ? { naming } : {})
  }
  const card = {
    ...{ ...plan.card, inputs: plan.fit.inputs, training, temperature, decision, metrics, limitations },
    ...(purity === undefined ? {} : { purity })
  }
  return exportModel(folder, runtime, {
    taxonomy,
    taxonomyText,
    weights: finalWeights(state),
    objects,
    whxe: plan.fit.whxe,
    sampling: plan.fit.sampling,
    balance: plan.fit.balance,
    populations: plan.populations,
    context,
    novelty,
    card
  })
}

/** What a model says of objects at every cut. */
export async function predictedBy(
  classifier: RecurrentClassifier,
  objects: readonly KnownObject[],
  days: readonly Cut[]
): Promise<Prediction<KnownObject>[]> {
  const predictions: Prediction<KnownObject>[] = []
  for await (const prediction of predictAll(classifier, objects, days)) predictions.push(prediction)
  return predictions
}
