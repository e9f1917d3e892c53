import { type PurityThreshold, thresholdFor } from '../classifier/probabilities/purity.ts'
import { HieraxError } from '../errors.ts'
import type { Classification } from './classification.ts'

/**
 * A probability threshold, 0–1: one for all messages, or thresholds by model (SHA-256) and number of detections. In the second case,
 * messages of other models do not reach it.
 */
type Threshold = number | ReadonlyMap<string, readonly PurityThreshold[]>

/** A node with the least probability that it must have. */
export interface NodeThreshold {
  readonly node: string
  readonly minProbability: Threshold
}

/** An additional topic for classified messages that meet all of its conditions. Conditions that are absent always hold. */
export interface Route {
  readonly topic: string
  readonly node?: string
  readonly minProbability?: Threshold
  /** Each of these nodes must be probable enough. */
  readonly all?: readonly NodeThreshold[]
  /** One of these nodes must be probable enough. */
  readonly any?: readonly NodeThreshold[]
  readonly minDetections?: number
  /** Days from the first detection to the alert. */
  readonly maxAgeDays?: number
  readonly band?: readonly string[]
  readonly positive?: boolean
  readonly minNovelty?: number
  readonly maxNovelty?: number
  /** Difference magnitude of the alert. */
  readonly minMagnitude?: number
  readonly maxMagnitude?: number
  /** Distance in arcsec, and star–galaxy score: what is nearer and has a greater score is a star. */
  readonly notNearStar?: { readonly distance: number; readonly score: number }
  /** Whether objects that no longer meet the conditions are withdrawn from the topic. */
  readonly retract?: boolean
}

type Condition = Exclude<keyof Route, 'topic' | 'node' | 'retract'>
type Checks = {
  readonly [K in Condition]: (body: Classification, wanted: NonNullable<Route[K]>, route: Route) => boolean
}

/** Whether a message meets a condition, by its key in the configuration. */
const checks: Checks = {
  minProbability: (body, minProbability, { node = '' }) => reaches(body, { node, minProbability }),
  all: (body, nodes) => nodes.every(node => reaches(body, node)),
  any: (body, nodes) => nodes.some(node => reaches(body, node)),
  minDetections: ({ lightCurve }, least) => lightCurve.detections >= least,
  maxAgeDays: ({ jd, lightCurve: { firstDetectionJd } }, most) =>
    firstDetectionJd !== null && jd - firstDetectionJd <= most,
  band: ({ alert }, bands) => alert !== null && bands.includes(alert.band),
  positive: ({ alert }, positive) => alert?.positive === positive,
  minNovelty: ({ novelty }, least) => novelty !== null && novelty >= least,
  maxNovelty: ({ novelty }, most) => novelty !== null && novelty <= most,
  minMagnitude: ({ alert }, least) => alert !== null && alert.magnitude >= least,
  maxMagnitude: ({ alert }, most) => alert !== null && alert.magnitude <= most,
  notNearStar: ({ alert }, star) => alert !== null && !isStar(alert, star)
}

/** Keys of the conditions of a route that a message does not meet; only `status` if it is not classified. */
export function unmetConditions(body: Classification, route: Route): string[] {
  if (body.status === 'NOT_CLASSIFIED') return ['status']
  return Object.entries(checks).flatMap(([key, holds]) => {
    const wanted = route[key as Condition]
    const check = holds as (body: Classification, wanted: unknown, route: Route) => boolean
    return wanted === undefined || check(body, wanted, route) ? [] : [key]
  })
}

/**
 * The probability by which a message meets a topic's routes, of which `met` are met: that of the node; of `all` nodes the least, of `any`
 * the greatest one of those that are probable enough; of several routes the greatest. Null if no route asks for a probability.
 */
export function routeProbability(body: Classification, met: readonly Route[]): number | null {
  const probabilities = met.map(route => probabilityOfRoute(body, route)).filter(probability => probability !== null)
  return probabilities.length > 0 ? Math.max(...probabilities) : null
}

function probabilityOfRoute(body: Classification, { node, minProbability, all = [], any = [] }: Route): number | null {
  const required = node !== undefined && minProbability !== undefined ? [{ node, minProbability }, ...all] : all
  const of = ({ node }: NodeThreshold) => probabilityOf(body, node) ?? 0
  const alternatives = any.filter(each => reaches(body, each)).map(of)
  const probabilities = [...required.map(of), ...(any.length > 0 ? [Math.max(0, ...alternatives)] : [])]
  return probabilities.length > 0 ? Math.min(...probabilities) : null
}

/** A route by the nodes that it names, however their probabilities are given. */
interface NamingRoute extends Pick<Route, 'topic' | 'node'> {
  readonly all?: readonly { readonly node: string }[]
  readonly any?: readonly { readonly node: string }[]
}

/** Checks that the nodes of every route are in one of the taxonomies. Throws CONFIG_INVALID. */
export function checkRoutes(routes: readonly NamingRoute[], nodes: readonly string[]): void {
  const known = new Set(nodes)
  for (const { topic, node, all = [], any = [] } of routes) {
    const named = [...(node === undefined ? [] : [node]), ...[...all, ...any].map(each => each.node)]
    const unknown = named.find(name => !known.has(name))
    if (unknown === undefined) continue
    throw new HieraxError(
      'CONFIG_INVALID',
      `output.routes sends node ${JSON.stringify(unknown)} to ${topic}, but the taxonomy has no such node; it has ${[...known].join(', ')}`
    )
  }
}

function reaches(body: Classification, { node, minProbability }: NodeThreshold): boolean {
  const probability = probabilityOf(body, node)
  if (probability === undefined) return false
  const least =
    typeof minProbability === 'number'
      ? minProbability
      : thresholdFor(minProbability.get(body.classifier.sha256) ?? [], body.lightCurve.detections)
  return least !== null && probability >= least
}

function probabilityOf({ nodes }: Classification, node: string): number | undefined {
  return nodes.find(({ name }) => name === node)?.probability
}

function isStar(
  { starScore, starDistance }: NonNullable<Classification['alert']>,
  { distance, score }: NonNullable<Route['notNearStar']>
): boolean {
  return starScore !== null && starDistance !== null && starDistance <= distance && starScore >= score
}
