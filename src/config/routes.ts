import { z } from 'zod'
import { nearest } from '../errors.ts'
import { bands } from '../lightcurves/points/observation.ts'
import type { Route as ResolvedRoute } from '../messages/routes.ts'
import { type Kind, toNumber, topicName } from './kinds.ts'

/** A condition on P(`node`): a probability, or the purity that the model's card expects. */
export type NodeCondition = { readonly node: string } & (
  | { readonly minProbability: number; readonly minPurity?: undefined }
  | { readonly minPurity: number; readonly minProbability?: undefined }
)

/**
 * A message also goes to `topic` if it meets all conditions: a route of messages, but for how probabilities are given. `notNearStar: true`: the limits
 * of `nearStar`. The nodes are checked when the model is loaded.
 */
export type Route = Omit<ResolvedRoute, 'node' | 'minProbability' | 'all' | 'any' | 'notNearStar'> &
  Partial<NodeCondition> & {
    readonly all?: readonly NodeCondition[]
    readonly any?: readonly NodeCondition[]
    readonly notNearStar?: boolean | NonNullable<ResolvedRoute['notNearStar']>
  }

/** A star: at most that far (arcsec), with at least that star–galaxy score. */
export const nearStar = { distance: 1.5, score: 0.76 } as const

/** A value of a route, with what it should be. */
const value = <T>(expected: string, schema: z.ZodType<T>): z.ZodType<T> =>
  z.preprocess((given, context) => {
    const read = typeof given === 'string' ? toNumber(given) : given
    if (!schema.safeParse(read).success) context.addIssue({ code: 'custom', message: expected, input: given })
    return read
  }, schema) as unknown as z.ZodType<T>

const share = value('a number from 0 to 1', z.number().min(0).max(1))
const magnitude = value('a magnitude from -10 to 40', z.number().min(-10).max(40))
const flag = z.preprocess(
  given => (given === 'true' ? true : given === 'false' ? false : given),
  z.boolean('true or false')
)
const nodeName = z.string('the name of a node').min(1, 'the name of a node')

const threshold = { minProbability: share.optional(), minPurity: share.optional() }
const oneThreshold = 'either minProbability or minPurity for each node'
const nodeCondition = z
  .strictObject({ node: nodeName, ...threshold })
  .refine(given => (given.minProbability === undefined) !== (given.minPurity === undefined), oneThreshold)

const shape = {
  topic: topicName,
  node: nodeName.optional(),
  ...threshold,
  all: z.array(nodeCondition).min(1, 'a list of nodes').optional(),
  any: z.array(nodeCondition).min(1, 'a list of nodes').optional(),
  minDetections: value('a whole number of at least 1', z.int().min(1)).optional(),
  maxAgeDays: value('a number of days of at least 0', z.number().min(0).max(1e6)).optional(),
  band: z
    .preprocess(
      given => (typeof given === 'string' ? given.split(',').map(part => part.trim()) : given),
      z.array(z.enum(bands, 'g, r or i')).min(1, 'g, r, i, or a list of them')
    )
    .optional(),
  positive: flag.optional(),
  minNovelty: share.optional(),
  maxNovelty: share.optional(),
  minMagnitude: magnitude.optional(),
  maxMagnitude: magnitude.optional(),
  notNearStar: z
    .preprocess(
      readStar,
      z.union(
        [
          z.boolean(),
          z.strictObject({ distance: value('a distance from 0 to 30 arcsec', z.number().min(0).max(30)), score: share })
        ],
        'true, or a distance of at most 30 arcsec and a score from 0 to 1: {distance: 1.5, score: 0.76}, as text 1.5/0.76'
      )
    )
    .optional(),
  retract: flag.optional()
}
const keys = Object.keys(shape)
const flags = new Set(['positive', 'notNearStar', 'retract'])

const route = z
  .looseObject(shape)
  .superRefine((given, context) => {
    const refuse = (message: string, path: string[] = []): void =>
      context.addIssue({ code: 'custom', message, path, input: given })
    for (const key of Object.keys(given)) {
      if (!keys.includes(key)) refuse(`one of ${keys.join(', ')}; the nearest is ${nearest(key, keys)}`, [key])
    }
    const thresholds = [given.minProbability, given.minPurity].filter(number => number !== undefined).length
    if (given.node === undefined ? thresholds > 0 : thresholds !== 1) return refuse('')
    for (const what of ['Novelty', 'Magnitude'] as const) {
      const [least, most] = [given[`min${what}`], given[`max${what}`]]
      if (least !== undefined && most !== undefined && least > most)
        refuse(`min${what} of at most max${what}: nothing is both at least ${least} and at most ${most}`)
    }
    if (!keys.some(key => !['topic', 'retract'].includes(key) && given[key as keyof typeof given] !== undefined))
      refuse('at least one condition besides topic and retract')
  })
  .transform(given => given as Route)

/** Routes: objects in YAML; `topic=node>=0.8 & maxAgeDays=10;…` in text. */
export const routes: Kind<Route[]> = {
  schema: z
    .array(z.preprocess(given => (typeof given === 'string' ? readRoute(given) : given), route))
    .refine(given => new Set(given.map(conditionsOf)).size === given.length)
    .superRefine((given, context) => {
      const retracting = new Map(given.map(({ topic, retract = false }) => [topic, retract]))
      for (const [index, { topic, retract = false }] of given.entries()) {
        if (retracting.get(topic) === retract) continue
        const message = `retract on all routes of the topic ${topic}, or on none`
        context.addIssue({ code: 'custom', message, path: [index], input: given })
      }
    }),
  expected:
    'a list of {topic, node, minProbability} or {topic, node, minPurity} with a topic name, a node and a number 0–1, no ' +
    `topic and node twice; other keys of a route are ${keys.slice(4).join(', ')}; as text ` +
    '"topic=node>=0.8;topic=node@purity>=0.9 & maxAgeDays=10;…", or none',
  explain: ({ code, message }) =>
    code === 'unrecognized_keys' ? oneThreshold : /^(Invalid|Too|$)/.test(message) ? null : message,
  read: given =>
    given === 'none'
      ? []
      : given
          .split(';')
          .map(part => part.trim())
          .filter(part => part !== '')
          .map(readRoute)
}

/** A route without its thresholds: two routes that differ in nothing else contradict each other. */
function conditionsOf({ minProbability: _, minPurity: __, ...rest }: Route): string {
  return JSON.stringify(Object.entries(rest).sort())
}

/** Marks a number of a route as a purity. */
const purityMark = '@purity'

/**
 * A route as text: the topic up to the first `=`, then conditions with ` & ` between them. A condition is a node with its number after the last
 * `>=`, several of these with ` | ` between them, or a key of the YAML form with its value. A node's name may hold all these characters.
 */
function readRoute(given: string): unknown {
  const equals = given.indexOf('=')
  if (equals < 0) return given
  const conditions: [key: string, value: unknown][] = []
  const nodes: object[] = []
  for (const term of termsOf(given.slice(equals + 1))) {
    const alternatives = term.split(/\s\|\s/).map(readNode)
    const [, key, text] = /^([A-Za-z]+)(?:=(.*))?$/s.exec(term) ?? []
    if (key !== undefined && (text !== undefined || flags.has(key)) && !term.includes('>=')) {
      conditions.push([key, text === undefined ? true : toNumber(text.trim())])
    } else if (alternatives.length > 1 && alternatives.every(node => node !== null)) {
      conditions.push(['any', alternatives])
    } else {
      const node = readNode(term)
      if (node === null) return given
      nodes.push(node)
    }
  }
  if (new Set(conditions.map(([key]) => key)).size < conditions.length) return given
  const [node, ...others] = nodes
  const named = others.length > 0 ? { all: nodes } : node
  return { topic: given.slice(0, equals).trim(), ...named, ...Object.fromEntries(conditions) }
}

/** Conditions between ` & `. What is no condition belongs to the name of the next node. */
function termsOf(text: string): string[] {
  const terms: string[] = []
  let begun = ''
  for (const part of text.trim().split(/\s+&\s+/)) {
    begun = begun === '' ? part : `${begun} & ${part}`
    if (!begun.includes('>=') && !/^[A-Za-z]+=/.test(begun) && !flags.has(begun)) continue
    terms.push(begun)
    begun = ''
  }
  return begun === '' ? terms : [...terms, begun]
}

/** `node>=0.8` or `node@purity>=0.9`; null for other text. */
function readNode(text: string): object | null {
  const atLeast = text.lastIndexOf('>=')
  if (atLeast < 0) return null
  const node = text.slice(0, atLeast).trim()
  const number = toNumber(text.slice(atLeast + 2))
  if (!node.endsWith(purityMark)) return { node, minProbability: number }
  return { node: node.slice(0, -purityMark.length).trim(), minPurity: number }
}

/** `2/0.5`: distance and score of a star. */
function readStar(given: unknown): unknown {
  if (given === 'true' || given === 'false') return given === 'true'
  if (typeof given !== 'string') return given
  const [distance = '', score = '', ...rest] = given.split('/')
  return rest.length > 0 ? given : { distance: toNumber(distance), score: toNumber(score) }
}
