import path from 'node:path'
import { HieraxError, nearest, shown } from 'hierax/errors.ts'
import { z } from 'zod'
import { foldOf, type KnownObject } from './data/labelled.ts'
import { areaUnderCurve, shareOf } from './evaluation/metrics.ts'
import { collectNoveltyFeatures, fitNovelty, noveltyScale, noveltyScores } from './evaluation/novelty-fit.ts'
import { type Cut, daysOf, type Prediction } from './evaluation/predict.ts'
import { originOf, runOriginShape, writeRunFile } from './evaluation/run-file.ts'
import { decimals, type Table, tableOf, tablesShape } from './evaluation/tables.ts'
import { exportModel } from './export.ts'
import { fitInto, predictedBy, type Session } from './session.ts'
import { isAtOrBelow } from './tree.ts'

/** Novelty of the objects of a node by a network that was trained without them, compared with held-out objects of other classes. */
export interface LeftOut {
  readonly node: string
  readonly days: Cut
  readonly objects: number
  readonly known: number
  /** Chance that an object of the node has the higher novelty of the two, of one of each; ties count half. */
  readonly areaUnderCurve: number
  /** Shares of the node's objects, and of the known ones, whose novelty is at least 0.9 and 0.95. */
  readonly above90: number
  readonly above95: number
  readonly knownAbove90: number
  readonly knownAbove95: number
}

/** What a model takes from a run with nodes left out. */
export const leaveOutFile = {
  name: 'leave-out.json',
  shape: z.object({
    command: z.string(),
    of: runOriginShape.optional(),
    tables: tablesShape,
    leftOut: z.array(z.object({ node: z.string() })).default([])
  }),
  option: '--left-out',
  writtenBy: '--leave-out NODE'
}

/**
 * For each node of `plan.leaveOut`, trains a network without the objects at or below it into `plan.out/without-NODE` and
 * compares how novel they look with held-out objects of the other classes. Half of what is held out sets the scale, the other
 * half is compared. False where the signal interrupted it.
 */
export async function leaveOut(session: Session): Promise<boolean> {
  const { plan, listener } = session
  checkLeaveOut(session)
  const found: LeftOut[] = []
  for (const node of plan.leaveOut) {
    const ofNode = await leaveOutNode(session, node)
    if (ofNode === null) return false
    found.push(...ofNode)
  }
  const tables = [leftOutTable(found)]
  await writeRunFile(plan.out, leaveOutFile, { command: plan.command, of: originOf(session), tables, leftOut: found })
  listener.tables(tables)
  return true
}

/** The folder of the network without a node, in that of the run. */
export function folderWithout(out: string, node: string): string {
  return path.join(out, `without-${node.replaceAll(/[^\w.-]+/g, '-')}`)
}

/** Refuses nodes to leave out that the taxonomy doesn't know, or without which nothing is left. Throws USAGE. */
function checkLeaveOut({ plan, taxonomy, objects }: Session): void {
  for (const name of plan.leaveOut) {
    const node = taxonomy.indexOf(name)
    const fail = (message: string): never => {
      throw new HieraxError('USAGE', `--leave-out ${shown(name)}: ${message}`)
    }
    if (node < 0) {
      const near = nearest(
        name,
        taxonomy.nodes.map(each => each.name)
      )
      fail(`it is not a node of ${taxonomy.name} below its root; the nearest is ${shown(near)}`)
    }
    const without = objects.filter(object => !isAtOrBelow(taxonomy, object.node, node)).length
    if (without === objects.length) fail('no object belongs to it')
    if (without < 2) fail(`${without} objects are left without it`)
  }
}

async function leaveOutNode(session: Session, name: string): Promise<LeftOut[] | null> {
  const { plan, taxonomy, objects } = session
  const node = taxonomy.indexOf(name)
  const isStrange = (object: KnownObject): boolean => isAtOrBelow(taxonomy, object.node, node)
  const strange = objects.filter(isStrange)
  const folder = folderWithout(plan.out, name)
  const title = `without ${name}`
  const known = objects.filter(object => !isStrange(object))
  const trained = await fitInto(session, folder, known, title, null)
  if (!trained.state.finished) return null
  const { kept, heldOut } = trained
  const setsScale = ({ id }: KnownObject): boolean => foldOf(id, 2, plan.recipe.foldSeed) === 0
  const unscaled = await exportModel(session, folder, trained)
  const fitted = fitNovelty(await collectNoveltyFeatures(unscaled, kept), kept.length)
  const scaling = heldOut.filter(setsScale)
  const scores = noveltyScores(fitted, await collectNoveltyFeatures(unscaled, scaling))
  unscaled.dispose()
  const novelty = { ...fitted, ...noveltyScale(scores, `${scaling.length} objects held out from training`) }
  const classifier = await exportModel(session, folder, trained, { novelty })
  const ofStrange = await predictedBy(classifier, strange, plan)
  const ofKnown = await predictedBy(
    classifier,
    heldOut.filter(object => !setsScale(object)),
    plan
  )
  classifier.dispose()
  return plan.recipe.judged.days.map(cut => compared(name, cut, ofStrange, ofKnown))
}

function compared(node: string, days: Cut, ofStrange: readonly Prediction[], ofKnown: readonly Prediction[]): LeftOut {
  const at = (some: readonly Prediction[]): number[] =>
    some.filter(({ cut }) => cut === days).map(({ novelty }) => novelty ?? 0)
  const [strange, known] = [at(ofStrange), at(ofKnown)]
  const share = (values: readonly number[], from: number): number => shareOf(values, value => value >= from) ?? 0
  return {
    node,
    days,
    objects: strange.length,
    known: known.length,
    areaUnderCurve: areaUnderCurve(strange, known),
    above90: share(strange, 0.9),
    above95: share(strange, 0.95),
    knownAbove90: share(known, 0.9),
    knownAbove95: share(known, 0.95)
  }
}

function leftOutTable(found: readonly LeftOut[]): Table {
  const rows = [...found].sort((a, b) => daysOf(b.days) - daysOf(a.days))
  return tableOf(
    'Novelty of classes that a network was trained without, against held-out objects of the others',
    rows,
    [
      ['left out', each => each.node],
      ['days', each => each.days],
      ['objects', each => each.objects],
      ['known', each => each.known],
      ['AUC', each => decimals(each.areaUnderCurve)],
      ['novelty ≥ 0.9', each => decimals(each.above90)],
      ['of the known', each => decimals(each.knownAbove90)],
      ['novelty ≥ 0.95', each => decimals(each.above95)],
      ['of the known', each => decimals(each.knownAbove95)]
    ]
  )
}
