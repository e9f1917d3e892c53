import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { HieraxError } from 'hierax/errors.ts'
import { tally } from './collections.ts'
import { foldOf, type KnownObject } from './data/labelled.ts'
import { crossValidationFile } from './evaluation/cross-validation.ts'
import { readRunFile } from './evaluation/run-file.ts'
import type { TrainPlan } from './session.ts'
import { parentOf, sumsByNode } from './tree.ts'

/** Nodes that a note names. */
const listed = 10

/**
 * Notes on nodes that can't be learned: those without siblings, and those without objects. Throws USAGE where no two siblings have objects,
 * unless there are models to learn from.
 */
export function checkLearnable(
  taxonomy: Taxonomy,
  objects: readonly KnownObject[],
  { taxonomy: file, data, teachers }: Pick<TrainPlan, 'taxonomy' | 'data' | 'teachers'>
): string[] {
  const counts = sumsByNode(
    taxonomy,
    objects.map(({ node }) => node)
  )
  const name = (node: number): string => taxonomy.nodes[node]?.name ?? taxonomy.root
  const groups = taxonomy.siblings.filter(({ length }) => length > 1)
  if (groups.length === 0) {
    throw new HieraxError(
      'USAGE',
      `--taxonomy ${file}: no node has two children, so there are no classes to tell apart`
    )
  }
  const filled = groups.some(group => group.filter(node => (counts[node] as number) > 0).length > 1)
  if (!filled && teachers.length === 0) {
    const deepest = counts.lastIndexOf(objects.length)
    const message = `--data ${data.join(',')}: nothing can be learned, as no two siblings of the tree have objects`
    throw new HieraxError('USAGE', `${message}; all ${objects.length} are at or below ${name(deepest)}`)
  }
  const only = taxonomy.siblings.filter(({ length }) => length === 1)
  const empty = groups.flat().filter(node => counts[node] === 0)
  return [
    ...only.map(group => {
      const [above, child] = [parentOf(taxonomy, group), name(group[0] as number)]
      return `Node ${child} is the only child of ${above}, and always gets its whole probability.`
    }),
    ...(empty.length === 0 ? [] : [`Nodes without any object, which can't be learned: ${someOf(empty.map(name))}.`])
  ]
}

function someOf(names: readonly string[]): string {
  const more = names.length - listed
  return `${names.slice(0, listed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/**
 * Refuses folds without objects, and cross-validations to begin with or to learn from that divide the objects otherwise: their networks have seen objects that
 * those of this run are judged by. Throws USAGE.
 */
export async function checkFolds(
  { folds, recipe, start, teachers }: TrainPlan,
  objects: readonly KnownObject[]
): Promise<void> {
  const counts = tally(objects.map(({ id }) => foldOf(id, folds, recipe.foldSeed)))
  const empty = Array.from({ length: folds }, (_, fold) => fold).find(fold => !counts.has(fold))
  if (empty !== undefined) {
    const message = `--folds ${folds}: fold ${empty} has no object, of ${objects.length} in all; give fewer folds`
    throw new HieraxError('USAGE', message)
  }
  const given = [...(start === null ? [] : [['--start', start]]), ...teachers.map(each => ['--teachers', each])]
  for (const [option, folder] of given as [string, string][]) {
    // Folds that were trained one by one have no such file.
    if (!existsSync(path.join(folder, crossValidationFile.name))) continue
    const { of } = await readRunFile(folder, { ...crossValidationFile, option })
    if (of === undefined || (of.folds === folds && of.foldSeed === recipe.foldSeed)) continue
    const theirs = `${of.folds} folds (foldSeed ${of.foldSeed})`
    const message = `${option} ${path.normalize(folder)} has ${theirs}, this run ${folds} (foldSeed ${recipe.foldSeed})`
    throw new HieraxError('USAGE', `${message}: its networks were trained on objects that this run predicts`)
  }
}
