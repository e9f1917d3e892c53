import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { HieraxError, shown } from 'hierax/errors.ts'
import { z } from 'zod'
import { foldOf, type KnownObject } from './data/labelled.ts'
import { isAtOrBelow } from './evaluation/class-assignment.ts'
import { areaUnderCurve } from './evaluation/metrics.ts'
import { collectNoveltyFeatures, fitNovelty, noveltyScale, noveltyScores } from './evaluation/novelty-fit.ts'
import { type Cut, daysOf, type Prediction } from './evaluation/predict.ts'
import type { Table } from './evaluation/tables.ts'
import { exported, fitInto, predictedBy, type Session } from './session.ts'

/** How novel the objects of a node look to a network that never saw one, beside held-out objects of the other classes. */
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

const fileName = 'leave-out.json'

/**
 * For each node of `plan.leaveOut`, trains a network without the objects at or below it into `plan.out/without-NODE` and
 * compares how novel they look with held-out objects of the other classes. Half of what is held out sets the scale, the other
 * half is compared. False where the signal broke it off.
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
  await writeFile(
    path.join(plan.out, fileName),
    `${JSON.stringify({ command: plan.command, tables, leftOut: found }, null, 1)}\n`
  )
  listener.tables(tables)
  return true
}

/** Refuses nodes to leave out that the taxonomy doesn't know, or without which nothing is left. Throws USAGE. */
function checkLeaveOut({ plan, taxonomy, objects }: Session): void {
  for (const name of plan.leaveOut) {
    const node = taxonomy.indexOf(name)
    const fail = (message: string): never => {
      throw new HieraxError('USAGE', `--leave-out ${shown(name)}: ${message}`)
    }
    if (node < 0) fail(`it is not a node of ${taxonomy.name} below its root`)
    const without = objects.filter(object => !isAtOrBelow(taxonomy, object.node, node)).length
    if (without === objects.length) fail('no object belongs to it')
    if (without < 2) fail(`${without} objects are left without it`)
  }
}

const shape = z.object({
  command: z.string(),
  tables: z.array(z.object({ title: z.string(), columns: z.array(z.string()), rows: z.array(z.array(z.string())) }))
})

/** What a model takes from a run with nodes left out: command and tables. Throws USAGE where there is none. */
export async function readLeftOut(folder: string): Promise<z.infer<typeof shape>> {
  const file = path.join(folder, fileName)
  try {
    return shape.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    const message = `--left-out ${folder}: ${file} can't be used (${(cause as Error).message.split('\n')[0]})`
    throw new HieraxError('USAGE', `${message}; it is what \`hierax train --leave-out NODE --out ${folder}\` writes`, {
      cause
    })
  }
}

async function leaveOutNode(session: Session, name: string): Promise<LeftOut[] | null> {
  const { plan, taxonomy, objects } = session
  const node = taxonomy.indexOf(name)
  const isStrange = (object: KnownObject): boolean => isAtOrBelow(taxonomy, object.node, node)
  const strange = objects.filter(isStrange)
  const folder = path.join(plan.out, `without-${name.replaceAll(/[^\w.-]+/g, '-')}`)
  const title = `without ${name}`
  const known = objects.filter(object => !isStrange(object))
  const trained = await fitInto(session, folder, known, title, null)
  if (!trained.state.finished) return null
  const { kept, heldOut } = trained
  const setsScale = ({ id }: KnownObject): boolean => foldOf(id, 2, plan.recipe.foldSeed) === 0
  const unscaled = await exported(session, folder, trained)
  const fitted = fitNovelty(await collectNoveltyFeatures(unscaled, kept), kept.length)
  const scaling = heldOut.filter(setsScale)
  const scores = noveltyScores(fitted, await collectNoveltyFeatures(unscaled, scaling))
  unscaled.dispose()
  const novelty = { ...fitted, ...noveltyScale(scores, `${scaling.length} objects held out from training`) }
  const classifier = await exported(session, folder, trained, { novelty })
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
  const share = (values: readonly number[], from: number): number =>
    values.length === 0 ? 0 : values.filter(value => value >= from).length / values.length
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
  return {
    title: 'Novelty of classes that a network was trained without, against held-out objects of the others',
    columns: [
      'left out',
      'days',
      'objects',
      'known',
      'AUC',
      'novelty ≥ 0.9',
      'of the known',
      'novelty ≥ 0.95',
      'of the known'
    ],
    rows: rows.map(each => [
      each.node,
      String(each.days),
      String(each.objects),
      String(each.known),
      each.areaUnderCurve.toFixed(3),
      ...[each.above90, each.knownAbove90, each.above95, each.knownAbove95].map(share => share.toFixed(3))
    ])
  }
}
