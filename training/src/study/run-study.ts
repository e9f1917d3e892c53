import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createRuntime, type RuntimeName } from 'hierax/classifier/network/runtime.ts'
import { mean } from '../collections.ts'
import { type KnownObject, knownTo, readLabelled } from '../data/labelled.ts'
import type { CutEvaluation } from '../evaluation/evaluation.ts'
import type { Prediction } from '../evaluation/predict.ts'
import { writeReport } from '../evaluation/report.ts'
import { markdownRows, type Table } from '../evaluation/tables.ts'
import { notesOf } from '../export.ts'
import type { TrainListener } from '../session.ts'
import { type Contestant, judge, type Verdict, verdictTables } from './judge.ts'
import { type RunResult, resultOf, runsOf, type StudySession } from './runs.ts'
import { classesOf, readStudy, type StudyNetwork, type StudyPart } from './study.ts'

/** What a study is run with. */
export interface StudyPlan {
  /** File of the study. */
  readonly study: string
  /** Files of labelled light curves. */
  readonly data: readonly string[]
  readonly out: string
  readonly runtime: RuntimeName
  readonly command: string
}

/**
 * Trains what is missing of a study's networks, judges all of them, and writes a report for every part and set of classes, and all tables as
 * Markdown. What earlier runs left in `out` is used. Resolves with the tables, or with null where the signal interrupted it. Throws as `train` does.
 */
export async function runStudy(
  { study: file, data, out, runtime, command }: StudyPlan,
  listener: TrainListener,
  signal: AbortSignal
): Promise<Table[] | null> {
  const study = await readStudy(file)
  const known = knownTo(study.taxonomy, await readLabelled(data))
  const notes = notesOf(study.taxonomy, known)
  for (const note of notes) listener.note(note)
  const objects = known.objects.filter(({ node }) => node >= 0)
  for (const target of study.targets.values()) classesOf(study.taxonomy, target, objects)
  const session: StudySession = {
    ...{ study, objects, out, command, listener, signal },
    runtime: await createRuntime(runtime)
  }
  const runs = runsOf(study)
  for (const [at, run] of runs.entries()) {
    listener.note(`Network ${at + 1} of ${runs.length}.`)
    if ((await resultOf(session, run)) === null) return null
  }
  const tables: Table[] = []
  for (const part of study.parts) {
    const verdicts = await judgePart(session, part)
    for (const target of part.judged) {
      const some = verdicts.filter(verdict => verdict.target === target)
      const ofTarget = verdictTables(part.title, some)
      tables.push(...ofTarget)
      await writeReport(path.join(out, 'report', `${part.name}-${target}`), {
        title: `${study.name}: ${part.title}, ${target}`,
        subtitle: `Folds ${part.folds.join(', ')} of ${study.folds}; runtime ${session.runtime.name}.`,
        notes: [...notes, 'Bars: standard deviation over the folds. The class with the largest probability is named.'],
        ...plotsOf(part, some),
        tables: ofTarget
      })
    }
  }
  const markdown = tables.map(({ title, columns, rows }) => `**${title}**\n\n${markdownRows(columns, rows)}\n`)
  await writeFile(path.join(out, 'report', 'tables.md'), markdown.join('\n'))
  listener.tables(tables)
  return tables
}

/** The figures of all networks of a part. Every run has a result by now. */
async function judgePart(session: StudySession, part: StudyPart): Promise<Verdict[]> {
  const { study, objects } = session
  const { taxonomy, recipe, targets } = study
  const verdicts: Verdict[] = []
  for (const name of part.networks) {
    const network = study.networks.get(name) as StudyNetwork
    const judged = part.judged.filter(target => network.target === undefined || network.target === target)
    for (const coarse of part.coarse) {
      const results = new Map<number, RunResult>()
      for (const fold of part.folds) {
        const result = await resultOf(session, { network, fold, coarse, coarsest: part.coarsest })
        if (result !== null) results.set(fold, result)
      }
      for (const contestant of contestantsOf(name, coarse, results)) {
        for (const target of judged) {
          const classes = classesOf(taxonomy, targets.get(target) ?? '', objects)
          for (const cut of recipe.judged.days) {
            verdicts.push(judge(taxonomy, contestant, { target, classes }, cut, recipe.judged.minDetections))
          }
        }
      }
    }
  }
  return verdicts
}

/** A network as it is; one that was trained with weights also with these divided out. */
function contestantsOf(name: string, coarse: number, results: ReadonlyMap<number, RunResult>): Contestant[] {
  const trainingObjects = mean([...results.values()].map(result => result.trainingObjects))
  const of = (title: string, predictions: (result: RunResult) => readonly Prediction<KnownObject>[]): Contestant => ({
    ...{ name: title, coarse, trainingObjects },
    folds: new Map([...results].map(([fold, result]) => [fold, predictions(result)]))
  })
  const isWeighted = [...results.values()].some(({ weighted }) => weighted !== null)
  const plain = of(isWeighted ? `${name}, weights divided out` : name, ({ predictions }) => predictions)
  return isWeighted ? [of(name, ({ weighted, predictions }) => weighted ?? predictions), plain] : [plain]
}

/** Verdicts as the report plots them: against the days, or, on whole curves, against the share of coarse labels. */
function plotsOf(part: StudyPart, verdicts: readonly Verdict[]): { axis: string; evaluations: CutEvaluation[] } {
  const evaluation = (days: CutEvaluation['days'], some: readonly Verdict[]): CutEvaluation => {
    const sets = some.map(({ pooled, contestant }) => ({ ...pooled, title: contestant.name }))
    return { days, objects: Math.max(...sets.map(({ objects }) => objects)), sets, nodes: [], novelty: null }
  }
  if (part.coarse.length > 1) {
    const whole = verdicts.filter(({ cut }) => cut === 'full')
    const at = (share: number): Verdict[] => whole.filter(({ contestant }) => contestant.coarse === share)
    return { axis: '% of labels coarse', evaluations: part.coarse.map(share => evaluation(100 * share, at(share))) }
  }
  const cuts = [...new Set(verdicts.map(({ cut }) => cut))]
  return {
    axis: 'days',
    evaluations: cuts.map(days =>
      evaluation(
        days,
        verdicts.filter(({ cut }) => cut === days)
      )
    )
  }
}
