import path from 'node:path'
import { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import { readModelFolder } from 'hierax/classifier/model-folder.ts'
import { contextVersion } from 'hierax/classifier/probabilities/context.ts'
import { HieraxError } from 'hierax/errors.ts'
import { defaultContextFit, groupsOf } from './context/context-fit.ts'
import { studyContext } from './context/context-study.ts'
import { type AlertData, knownAlerts, readAlertSamples } from './data/alert-samples.ts'
import { alertTables } from './evaluation/alert-tables.ts'
import { puritySamplesOf, purityTable } from './evaluation/purity-tables.ts'
import type { Table } from './evaluation/tables.ts'
import { type Findings, labelledMix, priorsOf } from './export.ts'
import { formatContext } from './model-writer.ts'
import { drawsOf } from './network/batches.ts'
import type { Session } from './session.ts'

/** Folds of the context term where no cross-validation gives them: it is then judged on objects that the network has seen. */
const contextFolds = 5

/** Reads labelled packets, and reports how many can be used. Throws where no label is of the taxonomy. */
export async function readLabelledAlerts(paths: readonly string[], session: Session): Promise<AlertData> {
  const { taxonomy, objects, listener } = session
  const data = await readAlertSamples(paths, new Map(objects.map(({ id, label }) => [id, label])))
  const { alerts, notes } = knownAlerts(taxonomy, data.objects)
  for (const note of [...data.notes, ...notes]) listener.note(note)
  if (alerts.length > 0) {
    const labelled = alerts.map(({ object: { objectId }, node }) => ({ objectId, node }))
    if (groupsOf(taxonomy, labelled, defaultContextFit).length === 0)
      listener.note(
        `No group of siblings has two nodes with ${defaultContextFit.minObjects} labelled objects each: the model will get no context term.`
      )
    return data
  }
  const message = `--alerts ${paths.join(', ')}: of ${data.objects.length} objects, none has a label that the taxonomy ${taxonomy.name} knows`
  throw new HieraxError('USAGE', `${message}; labels come from JSON lines, or by object id from --data`)
}

/** What labelled packets give a model; no context term where no group of siblings has enough labelled objects. */
type ContextFindings = Required<Pick<Findings, 'context' | 'purity'>> & { readonly tables: readonly Table[] }

/**
 * Fits the context term of a model on labelled packets. The networks of a cross-validation, if there is one, give the logits
 * of the objects that they have not seen; else the network of all objects does, and its card says so.
 */
export async function learnContext(
  { plan, taxonomy, runtime, listener, objects }: Session,
  { objects: alertObjects, notes }: AlertData,
  network: RecurrentClassifier,
  validated: { readonly folds: readonly unknown[]; readonly of?: { readonly foldSeed: number } | undefined } | null
): Promise<ContextFindings> {
  const labels = objects.map(({ node }) => node)
  const shares = priorsOf(taxonomy, labels, drawsOf(taxonomy, labels, plan.recipe.sampling.balance))
  const opened: RecurrentClassifier[] = []
  const ofFold = async (fold: number): Promise<RecurrentClassifier> => {
    if (validated === null) return network
    const model = await readModelFolder(path.join(plan.crossValidation as string, `fold-${fold}`))
    opened.push(new RecurrentClassifier(model, runtime))
    return opened.at(-1) as RecurrentClassifier
  }
  const { alerts: known } = knownAlerts(taxonomy, alertObjects)
  const labelled = new Set(known.map(({ object }) => object.objectId)).size
  listener.note(`Fitting the context term on ${known.length} labelled alerts of ${labelled} objects.`)
  const study = await studyContext({
    ...{ taxonomy, objects: alertObjects, shares },
    ...{
      folds: validated?.folds.length ?? contextFolds,
      foldSeed: validated?.of?.foldSeed ?? plan.recipe.foldSeed,
      network: ofFold
    }
  })
  for (const classifier of opened) classifier.dispose()
  const { file, heldOut, alerts, objects: count } = study
  if (file.nodes.length === 0) {
    listener.note('The model gets no context term.')
    return { context: null, purity: [], tables: [] }
  }
  const mixes = { ...plan.populations, labelled: labelledMix(taxonomy, objects) }
  const populations = Object.entries(mixes).map(([name, { shares }]) => ({ name, shares }))
  const stream = populations.find(({ name }) => name === 'stream') ?? populations[0] ?? null
  const seen =
    validated === null ? ['The network had seen some of these objects, which flatters the figures of its alerts.'] : []
  return {
    context: {
      text: formatContext(file),
      card: { ...{ features: contextVersion, alerts, objects: count }, notes: [...notes, ...study.notes, ...seen] }
    },
    purity: populations.flatMap(population =>
      purityTable(puritySamplesOf(heldOut, taxonomy, shares, population), taxonomy, population)
    ),
    tables: alertTables(heldOut, { taxonomy, shares, stream })
  }
}
