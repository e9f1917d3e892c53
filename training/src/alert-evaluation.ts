import type { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import type { Model } from 'hierax/classifier/model-folder.ts'
import { describePopulation } from 'hierax/classifier/population.ts'
import type { Population } from 'hierax/classifier/types.ts'
import { readAlertSamples } from './alert-samples.ts'
import { alertTables } from './alert-tables.ts'
import { answerAlerts } from './context-study.ts'
import { type PurityRows, puritySamplesOf, purityTable, purityTablesFor } from './purity-tables.ts'
import type { Table } from './tables.ts'

/** How a model does on labelled alert packets. */
export interface AlertEvaluation {
  /** For which purities are expected; null: for the class mix of the labelled objects. */
  readonly population: Population | null
  readonly purity: PurityRows
  /** How its answers hold, and the purities, for people. */
  readonly tables: readonly Table[]
  /** What became of the packets. */
  readonly notes: readonly string[]
}

/** Labels by object id, for packets of which no line says anything. */
export type Labels = ReadonlyMap<string, string>

/**
 * Classifies labelled packets and judges the answers: the probability of the first child of the root by label, number of
 * detections, time and place, and the purity that is to be expected of every node in the population that the classifier
 * runs with. Throws DATA_INVALID, INPUT_NOT_FOUND.
 */
export async function evaluateAlerts(
  paths: readonly string[],
  { taxonomy, priors, context }: Pick<Model, 'taxonomy' | 'priors' | 'context'>,
  classifier: Pick<RecurrentClassifier, 'classify' | 'population'>,
  labels: Labels
): Promise<AlertEvaluation> {
  const { objects, notes } = await readAlertSamples(paths, { labels })
  const answers = await answerAlerts({ taxonomy, objects }, classifier, context)
  const { population } = classifier
  const samples = puritySamplesOf(answers, taxonomy, priors, population)
  const purity = purityTable(samples, taxonomy, population)
  const judged = new Set(samples.map(({ objectId }) => objectId)).size
  const tables = samples.length === 0 ? [] : tablesOf(answers, taxonomy, priors, population)
  return {
    population,
    purity,
    tables: [...tables, ...purityTablesFor(purity)],
    notes: [
      ...notes,
      `${answers.length} alerts of ${objects.length} objects are answered, ${samples.length} of ${judged} objects with a label.`,
      `Purity and completeness are expected for ${describePopulation(population)}; the other tables of alerts have the class mix of the labelled objects.`,
      'Objects that the model was trained on flatter these figures; those of its card are of objects that it had not seen.'
    ]
  }
}

/** The tables of a model's card, whose titles say that no part of the model had seen the objects. */
function tablesOf(
  answers: Parameters<typeof alertTables>[0],
  taxonomy: Model['taxonomy'],
  priors: Float64Array | null,
  stream: Population | null
): Table[] {
  const shares = priors ?? evenShares(taxonomy)
  const tables = alertTables(answers, { taxonomy, shares, labelled: null, stream })
  return tables.map(table => ({ ...table, title: table.title.replace(', held out', '') }))
}

/** For a card that does not state them: siblings have equal shares. */
function evenShares(taxonomy: Model['taxonomy']): Float64Array {
  const shares = new Float64Array(taxonomy.nodes.length)
  for (const group of taxonomy.siblings) for (const node of group) shares[node] = 1 / group.length
  return shares
}
