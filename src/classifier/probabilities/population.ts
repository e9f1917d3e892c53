import { HieraxError, nearest, shown } from '../../errors.ts'
import type { Card } from '../model/card.ts'
import { type Refuse, refuserOf } from '../model/model-file.ts'
import type { Taxonomy } from '../model/taxonomy.ts'
import type { Population } from '../types.ts'

/** Shares of whole groups of siblings, by node. */
export type PopulationShares = Readonly<Record<string, number>>

/** A value of the setting `population`: the name of a population of the card, or shares. */
export type PopulationSetting = string | PopulationShares

/** The default population: the public alert stream. */
export const defaultPopulation = 'stream'

/** Name of a population with configured shares. */
export const customPopulation = 'custom'

/** Maximum deviation of the sum of a group's shares from 1; the shares are then normalised. */
const tolerance = 1e-3

/** The fields of a card that concern populations. */
export type PopulationCard = Pick<Card, 'name' | 'version' | 'populations' | 'priors'>

/**
 * The population of a model: one of its card by name, or the given shares. The default is `stream`; without it, the first
 * population of the card; without any, the class mix of the training set (null). Throws CONFIG_INVALID if the setting does not fit
 * the model, and MODEL_INVALID if the shares of the card are invalid.
 */
export function populationOf(
  card: PopulationCard,
  taxonomy: Taxonomy,
  setting: PopulationSetting = defaultPopulation
): Population | null {
  const model = `${card.name} ${card.version}`
  if (typeof setting !== 'string') {
    const refuse: Refuse = problem => invalid(`population: ${problem} (model ${model})`)
    if (card.priors === null) {
      refuse('shares need the priors of the training set, but in the card `priors` is null; remove the setting')
    }
    return { name: customPopulation, shares: wholeGroups(setting, taxonomy, refuse) }
  }
  const name = nameIn(card, setting, model)
  if (name === null) return null
  const refuse: Refuse = refuserOf(`${model}: population ${shown(name)} of the card`)
  if (card.priors === null) refuse('the card has no `priors`, which a population needs')
  return { name, shares: wholeGroups(card.populations?.[name]?.shares ?? {}, taxonomy, refuse) }
}

/**
 * The term that a population adds to the logit of every node, in the taxonomy's order: ln(share in the population / share among
 * the siblings in the training set). `priors` has the marginal shares of the training set. 0 in groups without shares.
 */
export function priorTerms(
  population: Population | null,
  priors: Float64Array | null,
  taxonomy: Taxonomy
): Float64Array {
  const terms = new Float64Array(taxonomy.nodes.length)
  if (population === null) return terms
  if (priors === null) throw new HieraxError('MODEL_INVALID', 'a population needs the priors of the card')
  for (const group of taxonomy.siblings) {
    const total = group.reduce((sum, node) => sum + (priors[node] as number), 0)
    for (const node of group) {
      const { name } = taxonomy.nodes[node] as Taxonomy['nodes'][number]
      if (!Object.hasOwn(population.shares, name)) continue
      terms[node] = Math.log(population.shares[name] as number) - Math.log((priors[node] as number) / total)
    }
  }
  return terms
}

/** A population in words: `stream (Transient 0.02, Persistent 0.98)`. */
export function describePopulation(population: Population | null): string {
  if (population === null) return 'the class mix of the training set'
  const shares = Object.entries(population.shares).map(([name, share]) => `${name} ${Number(share.toPrecision(4))}`)
  return `${population.name} (${shares.join(', ')})`
}

/** Name of the card's population that a setting selects; null for the class mix of the training set. */
function nameIn({ populations = {} }: PopulationCard, setting: string, model: string): string | null {
  if (Object.hasOwn(populations, setting)) return setting
  const names = Object.keys(populations)
  if (setting === defaultPopulation) return names[0] ?? null
  const instead = 'or give shares of siblings, such as Transient=0.38,Persistent=0.62'
  if (names.length === 0) {
    invalid(
      `population: got ${shown(setting)}, but the card of ${model} has no populations; remove the setting, ${instead}`
    )
  }
  return invalid(
    `population: got ${shown(setting)}, but the card of ${model} has ${names.join(', ')}; the nearest is ${nearest(setting, names)}; ${instead}`
  )
}

/** Shares in the taxonomy's order, normalised by group. Refuses unknown nodes, incomplete groups, and shares of a group that do not sum to 1. */
export function wholeGroups(given: PopulationShares, taxonomy: Taxonomy, refuse: Refuse): Record<string, number> {
  const shares = new Map<string, number>()
  const names = taxonomy.nodes.map(({ name }) => name)
  for (const [written, share] of Object.entries(given)) {
    const name = written.normalize('NFC')
    if (taxonomy.indexOf(name) < 0) {
      const near = nearest(name, names)
      refuse(
        `got a share for ${shown(name)}, which is not a node of ${taxonomy.name} below its root; the nearest is ${near}`
      )
    }
    if (!(share > 0 && share <= 1))
      refuse(`got the share ${shown(share)} for ${shown(name)}, expected a number above 0, at most 1`)
    if (shares.has(name)) refuse(`got two shares for ${shown(name)}`)
    shares.set(name, share)
  }
  if (shares.size === 0) refuse('no shares are given')
  const whole = new Map<string, number>()
  for (const group of taxonomy.siblings) {
    const siblings = group.map(node => names[node] as string)
    const missing = siblings.filter(name => !shares.has(name))
    if (missing.length === siblings.length) continue
    if (missing.length > 0) {
      refuse(`${siblings.join(', ')} are siblings: give a share for each or for none; missing: ${missing.join(', ')}`)
    }
    const total = siblings.reduce((sum, name) => sum + (shares.get(name) as number), 0)
    if (Math.abs(total - 1) > tolerance) {
      refuse(`the shares of ${siblings.join(', ')} sum to ${Number(total.toPrecision(6))}, expected 1`)
    }
    for (const name of siblings) whole.set(name, (shares.get(name) as number) / total)
  }
  return Object.fromEntries(names.filter(name => whole.has(name)).map(name => [name, whole.get(name) as number]))
}

function invalid(message: string): never {
  throw new HieraxError('CONFIG_INVALID', message)
}
