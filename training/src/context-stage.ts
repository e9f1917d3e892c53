import path from 'node:path'
import { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import { contextVersion } from 'hierax/classifier/context-features.ts'
import { formatContext } from 'hierax/classifier/context-term.ts'
import { readModelFolder } from 'hierax/classifier/model-folder.ts'
import { readAlertSamples } from './alert-samples.ts'
import { alertTables } from './alert-tables.ts'
import { drawsOf } from './batches.ts'
import { studyContext } from './context-study.ts'
import { labelledMix, priorsOf } from './export.ts'
import { rootBalance } from './fit.ts'
import type { KnownObject } from './labelled.ts'
import { puritySamplesOf, purityTable } from './purity-tables.ts'
import type { Findings, Session } from './session.ts'
import type { Table } from './tables.ts'

/** What labelled packets give a model. */
export interface ContextFindings {
  /** Null where no group of siblings has enough labelled objects. */
  readonly context: NonNullable<Findings['context']> | null
  readonly purity: NonNullable<Findings['purity']>
  /** How the answers hold on objects that neither network nor context term had seen. */
  readonly tables: readonly Table[]
}

/** Folds where no cross-validation gives them: the term is then judged on objects that the network has seen. */
const ownFolds = 5

/**
 * Fits the context term of a model on the labelled packets of the plan. The networks of a cross-validation, if there is one, give
 * the logits of the objects that they have not seen; else the network of all objects does, and its card says so.
 */
export async function learnContext(
  { plan, taxonomy, runtime, listener }: Session,
  paths: readonly string[],
  network: RecurrentClassifier,
  objects: readonly KnownObject[],
  folds: number | null
): Promise<ContextFindings> {
  const { objects: alertObjects, notes } = await readAlertSamples(paths, { labels: labelsOf(objects) })
  const labels = objects.map(({ node }) => node)
  const shares = priorsOf(taxonomy, labels, drawsOf(labels, rootBalance(taxonomy, plan.fit.balance)))
  const opened: RecurrentClassifier[] = []
  const ofFold = async (fold: number): Promise<RecurrentClassifier> => {
    if (folds === null) return network
    const model = await readModelFolder(path.join(plan.crossValidation as string, `fold-${fold}`))
    const classifier = new RecurrentClassifier(model, runtime)
    opened.push(classifier)
    return classifier
  }
  listener.note(`Fitting the context term on ${alertObjects.length} objects of ${paths.join(', ')}.`)
  const study = await studyContext({
    ...{ taxonomy, objects: alertObjects, shares },
    ...{ folds: folds ?? ownFolds, foldSeed: plan.foldSeed, network: ofFold }
  })
  for (const classifier of opened) classifier.dispose()
  const mixes = { ...plan.populations, labelled: labelledMix(taxonomy, objects) }
  const populations = Object.entries(mixes).map(([name, { shares }]) => ({ name, shares }))
  const stream = populations.find(({ name }) => name === 'stream') ?? populations[0] ?? null
  const tables = alertTables(study.heldOut, { taxonomy, shares, labelled: null, stream })
  const { file } = study
  if (file.nodes.length === 0) {
    listener.note('No group of siblings has two nodes with enough labelled objects: the model gets no context term.')
    return { context: null, purity: [], tables: [] }
  }
  const seen =
    folds === null ? ['The network had seen some of these objects, which flatters the figures of its alerts.'] : []
  return {
    context: {
      text: formatContext(file),
      card: {
        features: contextVersion,
        alerts: study.alerts,
        objects: study.objects,
        notes: [...notes, ...study.notes, ...seen]
      }
    },
    purity: populations.flatMap(population =>
      purityTable(puritySamplesOf(study.heldOut, taxonomy, shares, population), taxonomy, population)
    ),
    tables
  }
}

function labelsOf(objects: readonly KnownObject[]): Map<string, string> {
  return new Map(objects.map(({ id, label }) => [id, label]))
}
