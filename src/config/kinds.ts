import { z } from 'zod'
import type { Route } from './config.ts'

/**
 * How a value is written and checked. `read` turns text (from the environment, the command line or a YAML string) into
 * the value that `schema` checks; text that it can't read stays text, so that the schema refuses it.
 */
export interface Kind<T> {
  readonly schema: z.ZodType<T>
  /** What is wanted, completing "wants …". */
  readonly wants: string
  read(text: string): unknown
}

/** Text of which the schema asks what it wants. */
export function text(wants: string, schema: z.ZodType<string> = z.string().min(1)): Kind<string> {
  return { schema, wants, read: value => value }
}

/** One of a few words. `normalise` is applied before. */
export function choice<const T extends string>(
  words: readonly T[],
  normalise: (value: string) => string = value => value
): Kind<T> {
  const schema = z.preprocess(value => (typeof value === 'string' ? normalise(value) : value), z.enum(words))
  return { schema: schema as unknown as z.ZodType<T>, wants: `one of ${words.join(', ')}`, read: value => value }
}

/** A number within limits, both included. */
export function decimal(wants: string, minimum: number, maximum: number): Kind<number> {
  return { schema: z.number().min(minimum).max(maximum), wants, read: toNumber }
}

/** A whole number within limits, both included. */
export function integer(wants: string, minimum: number, maximum: number): Kind<number> {
  return { schema: z.int().min(minimum).max(maximum), wants, read: toNumber }
}

/** `true` or `false`. */
export const flag: Kind<boolean> = {
  schema: z.boolean(),
  wants: 'true or false',
  read: value => (value === 'true' ? true : value === 'false' ? false : value)
}

/** A list of distinct items; in text separated by commas. A lone item stands for a list of one. */
export function list<T>(item: Kind<T>, wants: string, minimum = 1): Kind<T[]> {
  const items = z
    .array(item.schema)
    .min(minimum)
    .refine(values => new Set(values).size === values.length)
  return {
    schema: z.preprocess(
      value => readItems(value !== undefined && !Array.isArray(value) ? [value] : value, item),
      items
    ) as unknown as z.ZodType<T[]>,
    wants,
    read: value =>
      value
        .split(',')
        .map(part => part.trim())
        .filter(part => part !== '')
  }
}

/** A kind that the word `none` switches off. */
export function optional<T>(kind: Kind<T>): Kind<T | null> {
  return {
    schema: kind.schema.nullable(),
    wants: `${kind.wants}, or none`,
    read: value => (value === 'none' ? null : kind.read(value))
  }
}

const topicName = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{1,249}$/)
  .refine(name => name !== '.' && name !== '..')

/** The name of a Kafka topic. */
export const topic = text('a topic name (1 to 249 of letters, digits, ".", "_", "-")', topicName)

/** The address of a Kafka broker. */
export const broker = text(
  'host:port',
  z.string().refine(value => {
    const parts = /^[a-zA-Z0-9._-]+:(\d{1,5})$/.exec(value)
    return parts !== null && Number(parts[1]) >= 1 && Number(parts[1]) <= 65535
  })
)

/** `nightly`, or names of topics. */
export const inputTopics: Kind<'nightly' | string[]> = {
  schema: z.union([z.literal('nightly'), list(topic, '').schema]),
  wants: `nightly, or a list of topics, each ${topic.wants}`,
  read: value => (value.trim() === 'nightly' ? 'nightly' : list(topic, '').read(value))
}

const routeSchema: z.ZodType<Route> = z.strictObject({
  topic: topicName,
  node: z.string().min(1),
  minProbability: z.preprocess(value => (typeof value === 'string' ? toNumber(value) : value), z.number().min(0).max(1))
})

/** Routes: objects in YAML, `topic=node>=0.8;…` in text. */
export const routes: Kind<Route[]> = {
  schema: z
    .array(z.preprocess(value => (typeof value === 'string' ? readRoute(value) : value), routeSchema))
    .refine(values => new Set(values.map(route => `${route.topic}\n${route.node}`)).size === values.length),
  wants:
    'a list of {topic, node, minProbability} with a topic name, a node and a probability 0–1, no topic and node ' +
    'twice; as text "topic=node>=0.8;…", or none',
  read: value =>
    value === 'none'
      ? []
      : value
          .split(';')
          .map(part => part.trim())
          .filter(part => part !== '')
          .map(readRoute)
}

/** The address of a store. */
export const storeUrl = text(
  'lmdb:DIR, valkey://host:port/db (also redis://; valkeys:// and rediss:// with TLS), or memory:',
  z.string().refine(value => {
    if (value === 'memory:') return true
    if (value.startsWith('lmdb:')) return value.length > 'lmdb:'.length
    if (!/^(valkey|redis)s?:\/\//.test(value) || !URL.canParse(value)) return false
    const url = new URL(value)
    return url.hostname !== '' && /^(\/\d*)?$/.test(url.pathname)
  })
)

function toNumber(value: string): unknown {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value.trim()) ? Number(value) : value
}

function readItems<T>(value: unknown, item: Kind<T>): unknown {
  return Array.isArray(value) ? value.map(part => (typeof part === 'string' ? item.read(part) : part)) : value
}

/** A node's name may hold `=` and `>`: the topic ends at the first `=`, the probability begins after the last `>=`. */
function readRoute(value: string): unknown {
  const equals = value.indexOf('=')
  const atLeast = value.lastIndexOf('>=')
  if (equals < 0 || atLeast <= equals) return value
  return {
    topic: value.slice(0, equals).trim(),
    node: value.slice(equals + 1, atLeast).trim(),
    minProbability: toNumber(value.slice(atLeast + 2))
  }
}
