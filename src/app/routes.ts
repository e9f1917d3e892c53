import { describePopulation } from '../classifier/probabilities/population.ts'
import {
  describeRange,
  describeThreshold,
  type PurityThreshold,
  purityThresholds
} from '../classifier/probabilities/purity.ts'
import type { Config } from '../config/config.ts'
import { type NodeCondition, nearStar } from '../config/routes.ts'
import { HieraxError } from '../errors.ts'
import { checkRoutes, type NodeThreshold, type Route } from '../messages/routes.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { KnownModel } from './models.ts'

/** A route by purity, resolved for one model. */
export interface PurityRoute {
  readonly topic: string
  readonly node: string
  readonly minPurity: number
  readonly model: KnownModel
  readonly thresholds: readonly PurityThreshold[]
}

/** The routes of a configuration with the probabilities that its models' cards give for purities. */
export interface ResolvedRoutes {
  readonly routes: readonly Route[]
  /** One entry for each route by purity and each model that has its node. */
  readonly byPurity: readonly PurityRoute[]
}

/**
 * Finds the least probabilities for routes by purity: each model's by its own card and for the population it runs with. Throws
 * CONFIG_INVALID if no model has a route's node, or a card has no table for it.
 */
export function resolveRoutes(routes: Config['output']['routes'], models: readonly KnownModel[]): ResolvedRoutes {
  checkRoutes(
    routes,
    models.flatMap(({ taxonomy }) => taxonomy.nodes.map(({ name }) => name))
  )
  const byPurity: PurityRoute[] = []
  const resolveNode = (topic: string, { node, minProbability, minPurity }: NodeCondition): NodeThreshold => {
    if (minProbability !== undefined) return { node, minProbability }
    const thresholds = new Map<string, readonly PurityThreshold[]>()
    for (const model of models) {
      if (model.taxonomy.indexOf(node) < 0) continue
      const found = thresholdsOf(model, { topic, node, minPurity })
      thresholds.set(model.sha256, found)
      byPurity.push({ topic, node, minPurity, model, thresholds: found })
    }
    return { node, minProbability: thresholds }
  }
  const resolved = routes.map((route): Route => {
    const { topic, node, minProbability, minPurity, all, any, notNearStar, ...conditions } = route
    const resolve = (nodes: readonly NodeCondition[]): NodeThreshold[] => nodes.map(each => resolveNode(topic, each))
    return {
      topic,
      ...(node === undefined ? {} : resolveNode(topic, { node, minProbability, minPurity } as NodeCondition)),
      ...(all ? { all: resolve(all) } : {}),
      ...(any ? { any: resolve(any) } : {}),
      ...(notNearStar ? { notNearStar: notNearStar === true ? nearStar : notNearStar } : {}),
      ...conditions
    }
  })
  return { routes: resolved, byPurity }
}

function thresholdsOf(
  { card, population }: KnownModel,
  { topic, node, minPurity }: Pick<PurityRoute, 'topic' | 'node' | 'minPurity'>
): PurityThreshold[] {
  try {
    return purityThresholds(card, population, node, minPurity)
  } catch (cause) {
    const { code, message } = HieraxError.from(cause)
    throw new HieraxError(code, `output.routes: ${topic}=${node}@purity>=${minPurity}: ${message}`, { cause })
  }
}

/** What models' cards define, as lines of text: each model's population, and the thresholds of routes by purity. */
export function describeModels(models: readonly KnownModel[], { byPurity }: ResolvedRoutes): string[] {
  const nameOf = ({ card }: KnownModel): string => `${card.name} ${card.version}`
  return [
    ...models.map(model => `${nameOf(model)} answers for ${describePopulation(model.population)}`),
    ...byPurity.flatMap(({ topic, node, minPurity, model, thresholds }) => [
      `${topic} gets ${node} with an expected purity of at least ${minPurity}, by ${nameOf(model)} for ${model.population?.name}:`,
      ...thresholds.map(threshold => `  ${describeThreshold(threshold)}`)
    ])
  ]
}

/** Logs the thresholds of routes by purity, and the ranges of detections for which a route gets no message. */
export function logRoutes(logger: Logger, { byPurity }: ResolvedRoutes): void {
  for (const { topic, node, minPurity, model, thresholds } of byPurity) {
    const route = { topic, node, minPurity, model: model.card.name, population: model.population?.name }
    logger.info({ ...route, thresholds: thresholds.map(describeThreshold) }, 'route by purity')
    for (const threshold of thresholds) {
      if (threshold.minProbability !== null) continue
      logger.warn(
        { ...route, range: describeRange(threshold), bestPurity: threshold.purity },
        'no probability reaches the purity of a route; alerts with so many detections are not routed'
      )
    }
  }
}
