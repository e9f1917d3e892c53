import { InvalidArgumentError } from 'commander'
import { isObjectId } from '../alerts/surveys/ztf-values.ts'
import { parseJd } from '../julian-date.ts'

/** Bounds of a numeric option, both included. */
export interface Range {
  readonly min?: number
  readonly max?: number
}

/**
 * Parser of an option that takes a whole number, for commander: `.option('--seed <n>', 'seed', integer({ min: 0 }), 0)`.
 * Anything else, or a number out of the range, is a usage error that names the range.
 */
export function integer(range: Range = {}): (text: string) => number {
  return text => {
    const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN
    return within(value, range, 'a whole number', Number.isSafeInteger(value))
  }
}

/** Parser of an option that takes any finite number; see {@link integer}. */
export function decimal(range: Range = {}): (text: string) => number {
  return text => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    return within(value, range, 'a number', Number.isFinite(value))
  }
}

/** Parser of an option that takes a time: a Julian date, or a date with or without a time of day, in UTC. Gives a Julian date. */
export function julianDate(text: string): number {
  const jd = parseJd(text)
  if (jd === null) throw new InvalidArgumentError('It takes a date such as 2025-01-31 (UTC), or a Julian date.')
  return jd
}

/** Parser of an option that takes a comma-separated list; an empty list or item is a usage error. */
export function list(text: string): string[] {
  const items = text.split(',').map(item => item.trim())
  if (items.includes('')) throw new InvalidArgumentError('It takes values separated by commas.')
  return items
}

/** Parser of an argument that takes the id of an object. */
export function objectId(text: string): string {
  if (!isObjectId(text)) throw new InvalidArgumentError('It takes the id of an object, such as ZTF19aazzpje.')
  return text
}

/** Parser of an argument that takes several ids; `before` are the earlier ones. */
export function objectIds(text: string, before: readonly string[] = []): string[] {
  return [...before, objectId(text)]
}

/** Parser of an option that takes a comma-separated list of programme numbers. */
export function programs(text: string): number[] {
  const parse = integer({ min: 0, max: 2147483647 })
  return [...new Set(list(text).map(parse))]
}

const collectors = new WeakSet<object>()

/**
 * Marks a parser that adds a value to the earlier ones of its option. An option with any other parser, or with none, may be given once;
 * see {@link isRepeatable}.
 */
export function repeatable<T>(parse: (value: string, before: T) => T): (value: string, before: T) => T {
  collectors.add(parse)
  return parse
}

/** Whether a parser was marked with {@link repeatable}. */
export function isRepeatable(parse: object | undefined): boolean {
  return parse !== undefined && collectors.has(parse)
}

/** Parser of an option that may be given several times; gives all values, in their order. */
export const repeated = repeatable((value, before: readonly string[]): readonly string[] => [...before, value])

/** Flags and description of the option that names a population. */
export const populationOption = [
  '--population <mix>',
  'class mix for which probabilities are calibrated: a population of the model card, or shares of siblings, such as Transient=0.38,Persistent=0.62 (default: stream)'
] as const

function within(value: number, { min, max }: Range, kind: string, valid: boolean): number {
  if (valid && value >= (min ?? Number.NEGATIVE_INFINITY) && value <= (max ?? Number.POSITIVE_INFINITY)) return value
  const bounds =
    min !== undefined && max !== undefined
      ? ` from ${min} to ${max}`
      : min !== undefined
        ? `, ${min} or more`
        : max !== undefined
          ? `, ${max} or less`
          : ''
  throw new InvalidArgumentError(`It takes ${kind}${bounds}.`)
}
