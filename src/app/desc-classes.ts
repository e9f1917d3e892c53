import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { nodeName, parseJson, refuserOf, textOf } from '../classifier/model/model-file.ts'
import type { Taxonomy } from '../classifier/model/taxonomy.ts'
import type { Config } from '../config/config.ts'
import { HieraxError, nearest, shown } from '../errors.ts'
import { type DescTopic, notClassified } from '../messages/desc.ts'
import { readRegular, whyUnreadable } from '../regular-file.ts'
import type { KnownModel } from './models.ts'

/** Class ids by the name of a node, the root included. */
type ClassMap = ReadonlyMap<string, number>

const pathOf = (name: string): string => fileURLToPath(new URL(`../../schemas/desc/${name}`, import.meta.url))

/** The taxonomy of the bundled models, whose map comes with Hierax. */
const bundledTaxonomy = 'ztf-tree'

/** ELAsTiCC's class Residual: objects of no other class. */
const residual = 200

/**
 * Finds the class of every leaf of the models' taxonomies: its own, else that of its nearest ancestor, else Residual. Ids are those in the file
 * `output.desc.classes`; without it those in a taxonomy, and for the bundled one those in `schemas/desc`. Throws CONFIG_INVALID if the file or an
 * id is not valid, if no model has a node of the file, or if a model has no ids. Null without a topic.
 */
export function resolveDesc(
  { topic, classes: file }: Config['output']['desc'],
  models: readonly KnownModel[]
): DescTopic | null {
  if (topic === null) return null
  const given = file === null ? null : readMap(file, models)
  return {
    topic,
    classes: new Map(models.map(model => [model.sha256, leafClasses(model.taxonomy, idsOf(model, given))]))
  }
}

function idsOf({ card, taxonomy }: KnownModel, given: ClassMap | null): ClassMap {
  const { name, classIds } = taxonomy
  const source = `the taxonomy ${shown(name)} of ${card.name} ${card.version}`
  if (given === null && classIds.size > 0) {
    checkIds(classIds, source)
    return classIds
  }
  const map = given ?? (name === bundledTaxonomy ? parseMap(pathOf('ztf-tree.json')) : classIds)
  if (namesOf(taxonomy).some(node => map.has(node))) return map
  const remedy = given
    ? 'add some of its nodes to output.desc.classes'
    : 'name a map in output.desc.classes, or give its nodes a classId'
  throw invalid(`output.desc: ${source} has no class ids; ${remedy}`)
}

function leafClasses({ nodes, parents, root, path }: Taxonomy, ids: ClassMap): ClassMap {
  const inner = new Set(parents)
  return new Map(
    nodes.flatMap(({ name }, index) => {
      if (inner.has(index)) return []
      const classified = [root, ...path(index)].findLast(node => ids.has(node))
      return [[name, classified === undefined ? residual : (ids.get(classified) as number)] as const]
    })
  )
}

/** Class ids in a file: `{"SN Ia": 2222}`. */
function readMap(file: string, models: readonly KnownModel[]): ClassMap {
  const map = parseMap(file)
  const names = models.flatMap(({ taxonomy }) => namesOf(taxonomy))
  const unknown = [...map.keys()].find(name => !names.includes(name))
  if (unknown !== undefined)
    throw invalid(
      `output.desc.classes: ${file}: ${shown(unknown)} is not a node of any model; the nearest is ${shown(nearest(unknown, names))}`
    )
  checkIds(map, `output.desc.classes: ${file}`)
  return map
}

function parseMap(file: string): ClassMap {
  const origin = `output.desc.classes: ${file}`
  const refuse = refuserOf(origin, 'CONFIG_INVALID')
  let bytes: Buffer
  try {
    bytes = readRegular(file)
  } catch (cause) {
    return refuse(`can't be read (${whyUnreadable(cause)})`, cause)
  }
  const map = parseJson(textOf(bytes, refuse), z.record(nodeName, z.number()), refuse)
  return new Map(Object.entries(map))
}

/** Throws if an id is not one of ELAsTiCC's, or is that of alerts without probabilities. */
function checkIds(ids: ClassMap, origin: string): void {
  const known = Object.keys(JSON.parse(fs.readFileSync(pathOf('classes.json'), 'utf8')))
  for (const [name, id] of ids) {
    const what = `${origin}: ${shown(name)} has the class id ${id}`
    if (id === notClassified) throw invalid(`${what}, which is that of alerts without probabilities; give another`)
    if (!known.includes(String(id))) throw invalid(`${what}, expected one of ${known.join(', ')}`)
  }
}

function namesOf({ root, nodes }: Taxonomy): string[] {
  return [root, ...nodes.map(({ name }) => name)]
}

function invalid(message: string): HieraxError {
  return new HieraxError('CONFIG_INVALID', message)
}
