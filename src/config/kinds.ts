import { isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'
import { timeOfDate } from '../julian-date.ts'
import { isPattern } from '../topic-patterns.ts'

/**
 * How a value is written and checked. `read` turns text (from the environment, the command line or a YAML string) into
 * the value that `schema` checks; text that it can't read stays text, so that the schema refuses it.
 */
export interface Kind<T> {
  readonly schema: z.ZodType<T>
  /** What is accepted, completing "expected …". */
  readonly expected: string
  read(text: string): unknown
  /** What is expected at the place of an issue, where that is more than `expected` says; null if it is not. */
  explain?(issue: z.core.$ZodIssue): string | null
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
      given =>
        given === undefined ? given : [given].flat().map(part => (typeof part === 'string' ? item.read(part) : part)),
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

/** A bearer token. */
export const token = text('visible ASCII without spaces', z.string().regex(/^[\x21-\x7e]+$/))

/** The name of a Kafka topic. */
export const topicName = z
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

const topicOrPattern = text(
  'a topic name (1 to 249 of letters, digits, ".", "_", "-"), or a pattern in which "*" stands for any text',
  z.union([
    topicName,
    z
      .string()
      .regex(/^[a-zA-Z0-9._*-]{1,249}$/)
      .refine(isPattern)
  ])
)

/** `nightly`, or names of topics and patterns of them. */
export const inputTopics: Kind<'nightly' | string[]> = {
  schema: z.union([z.literal('nightly'), list(topicOrPattern, '').schema]),
  expected: `nightly, or a list of topics, each ${topicOrPattern.expected}`,
  read: value => (value.trim() === 'nightly' ? 'nightly' : list(topicOrPattern, '').read(value))
}

/** `earliest`, `latest`, or a past time, which is read as `2026-11-20T00:00:00.000Z`. */
export const start: Kind<'earliest' | 'latest' | string> = {
  schema: z.union([z.enum(['earliest', 'latest']), z.iso.datetime().refine(time => Date.parse(time) <= Date.now())]),
  expected: 'earliest, latest, or a past date with or without a time, such as 2026-11-20 or 2026-11-20T18:00:00Z (UTC)',
  read(value) {
    const time = timeOfDate(value)
    return time === null ? value : new Date(time).toISOString()
  }
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

/** Number of objects of which something is kept; `true` for a usual number, `false` for none. */
export function keptObjects(usual: number, maximum: number): Kind<number | null> {
  const number = z.int().min(1).max(maximum).nullable()
  return {
    schema: z.preprocess(value => (value === true ? usual : value === false ? null : value), number) as z.ZodType<
      number | null
    >,
    expected: `true (${usual} objects), false, or a number of objects from 1 to ${maximum}`,
    read: value => (value === 'none' ? null : toNumber(String(value)) === value ? flag.read(value) : toNumber(value))
  }
}

/** An address for HTTP requests, without credentials in it. */
export const httpUrl = text(
  'an address that begins with http:// or https://, without user name, password or query',
  z.string().refine(value => {
    if (!/^https?:\/\//.test(value) || !URL.canParse(value)) return false
    const { username, password, search, hash } = new URL(value)
    return [username, password, search, hash].every(part => part === '')
  })
)

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

/** Text as the number that it writes; other text as it is. */
export function toNumber(value: string): unknown {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value.trim()) ? Number(value) : value
}

function fromText(value: unknown): unknown {
  return typeof value === 'string' ? toNumber(value) : value
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
