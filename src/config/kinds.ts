import { isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'

/**
 * A message also goes to `topic` when P(`node`) ≥ `minProbability`, or from the probability on at which the model's card
 * expects `minPurity`. Whether the node exists is checked when the model is loaded.
 */
export type Route = { readonly topic: string; readonly node: string } & (
  | { readonly minProbability: number; readonly minPurity?: undefined }
  | { readonly minPurity: number; readonly minProbability?: undefined }
)

/**
 * How a value is written and checked. `read` turns text (from the environment, the command line or a YAML string) into
 * the value that `schema` checks; text that it can't read stays text, so that the schema refuses it.
 */
export interface Kind<T> {
  readonly schema: z.ZodType<T>
  /** What is accepted, completing "expected …". */
  readonly expected: string
  read(text: string): unknown
}

/** Text that the schema accepts. */
export function text(expected: string, schema: z.ZodType<string> = z.string().min(1)): Kind<string> {
  return { schema, expected, read: value => value }
}

/** One of a few words. `normalise` is applied before. */
export function choice<const T extends string>(
  words: readonly T[],
  normalise: (value: string) => string = value => value
): Kind<T> {
  const schema = z.preprocess(value => (typeof value === 'string' ? normalise(value) : value), z.enum(words))
  return { schema: schema as unknown as z.ZodType<T>, expected: `one of ${words.join(', ')}`, read: value => value }
}

/** A number within limits, both included. */
export function decimal(expected: string, minimum: number, maximum: number): Kind<number> {
  return { schema: z.number().min(minimum).max(maximum), expected, read: toNumber }
}

/** A whole number within limits, both included. */
export function integer(expected: string, minimum: number, maximum: number): Kind<number> {
  return { schema: z.int().min(minimum).max(maximum), expected, read: toNumber }
}

/** `true` or `false`. */
export const flag: Kind<boolean> = {
  schema: z.boolean(),
  expected: 'true or false',
  read: value => (value === 'true' ? true : value === 'false' ? false : value)
}

/** A list of distinct items; in text separated by commas. A lone item stands for a list of one. */
export function list<T>(item: Kind<T>, expected: string, minimum = 1): Kind<T[]> {
  const items = z
    .array(item.schema)
    .min(minimum)
    .refine(values => new Set(values).size === values.length)
  return {
    schema: z.preprocess(
      value => readItems(value !== undefined && !Array.isArray(value) ? [value] : value, item),
      items
    ) as unknown as z.ZodType<T[]>,
    expected,
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
    expected: `${kind.expected}, or none`,
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

/** An IP address, or a network of them in CIDR notation. */
export const network = text(
  'an IP address, or a network as address/bits',
  z.string().refine(value => {
    const [address = '', bits, ...more] = value.split('/')
    const longest = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1
    return (
      longest > 0 && more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest))
    )
  })
)

/** `nightly`, or names of topics. */
export const inputTopics: Kind<'nightly' | string[]> = {
  schema: z.union([z.literal('nightly'), list(topic, '').schema]),
  expected: `nightly, or a list of topics, each ${topic.expected}`,
  read: value => (value.trim() === 'nightly' ? 'nightly' : list(topic, '').read(value))
}

const probability = z.preprocess(fromText, z.number().min(0).max(1)).optional()

const routeSchema = z
  .strictObject({ topic: topicName, node: z.string().min(1), minProbability: probability, minPurity: probability })
  .refine(({ minProbability, minPurity }) => (minProbability === undefined) !== (minPurity === undefined))
  .transform(route => route as Route)

/** Routes: objects in YAML; `topic=node>=0.8;…` and `topic=node@purity>=0.9;…` in text. */
export const routes: Kind<Route[]> = {
  schema: z
    .array(z.preprocess(value => (typeof value === 'string' ? readRoute(value) : value), routeSchema))
    .refine(values => new Set(values.map(route => `${route.topic}\n${route.node}`)).size === values.length),
  expected:
    'a list of {topic, node, minProbability} or {topic, node, minPurity} with a topic name, a node and a number 0–1, no ' +
    'topic and node twice; as text "topic=node>=0.8;topic=node@purity>=0.9;…", or none',
  read: value =>
    value === 'none'
      ? []
      : value
          .split(';')
          .map(part => part.trim())
          .filter(part => part !== '')
          .map(readRoute)
}

/** A population: its name or shares by node; in text `stream` or `node=0.4,other node=0.6`. */
export const population: Kind<string | Record<string, number>> = {
  schema: z.union([
    z.string().regex(/^[^=]+$/),
    z
      .record(z.string().min(1), z.preprocess(fromText, z.number().gt(0).max(1)))
      .refine(shares => Object.keys(shares).length > 0)
  ]) as z.ZodType<string | Record<string, number>>,
  expected:
    'the name of a population of the model’s card, or shares by node, each above 0 and at most 1, no node twice; as ' +
    'text "Transient=0.38,Persistent=0.62"',
  read: readShares
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

function fromText(value: unknown): unknown {
  return typeof value === 'string' ? toNumber(value) : value
}

function readItems<T>(value: unknown, item: Kind<T>): unknown {
  return Array.isArray(value) ? value.map(part => (typeof part === 'string' ? item.read(part) : part)) : value
}

/** Marks a number of a route as a purity. */
const purityMark = '@purity'

/** A node's name may hold `=` and `>`: the topic ends at the first `=`, the number begins after the last `>=`. */
function readRoute(value: string): unknown {
  const equals = value.indexOf('=')
  const atLeast = value.lastIndexOf('>=')
  if (equals < 0 || atLeast <= equals) return value
  const topic = value.slice(0, equals).trim()
  const node = value.slice(equals + 1, atLeast).trim()
  const number = toNumber(value.slice(atLeast + 2))
  if (!node.endsWith(purityMark)) return { topic, node, minProbability: number }
  return { topic, node: node.slice(0, -purityMark.length).trim(), minPurity: number }
}

/** A node's name may hold `=`: its share begins after the last one. Text that is no list of shares stays as it is. */
function readShares(value: string): unknown {
  const text = value.trim()
  if (!text.includes('=')) return text
  const shares = text.split(',').map((part): [string, unknown] => {
    const equals = part.lastIndexOf('=')
    return [part.slice(0, Math.max(0, equals)).trim(), toNumber(part.slice(equals + 1).trim())]
  })
  const names = new Set(shares.map(([name]) => name))
  return names.size < shares.length ? text : Object.fromEntries(shares)
}
