import { InvalidArgumentError } from 'commander'
import type { PriorPower } from '../classifier/decision.ts'
import type { PopulationSetting } from '../classifier/population.ts'
import { population as populationKind } from '../config/kinds.ts'

/** Bounds of a numeric option, both included. */
export interface Range {
  readonly min?: number
  readonly max?: number
}

/**
 * Parser of an option that takes a whole number, for commander: `.option('--seed <n>', 'seed', integer({ min: 0 }), 0)`.
 * Anything else, or a number out of the range, is a usage error that says what it wants.
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

/** Parser of an option that takes a list by comma; an empty list or item is a usage error. */
export function list(text: string): string[] {
  const items = text.split(',').map(item => item.trim())
  if (items.includes('')) throw new InvalidArgumentError('It takes values separated by commas.')
  return items
}

/** Flags and description of the option that names a population. */
export const populationOption = [
  '--population <mix>',
  'class mix that probabilities are given for: a name of the model card, or shares of siblings by comma, such as Transient=0.38,Persistent=0.62 (default: stream)'
] as const

/** Parser of a population, as the setting `population` takes it in text. */
export function population(text: string): PopulationSetting {
  const parsed = populationKind.schema.safeParse(populationKind.read(text))
  if (!parsed.success) throw new InvalidArgumentError(`It takes ${populationKind.expected}.`)
  return parsed.data
}

/** Parser of the power of a prior: a number from 0 to 1, or `10:0.5,40:0.4,0.3`: days up to which it holds, the last one for the rest. */
export function priorPower(text: string): PriorPower {
  const parts = list(text).map(part => part.split(':'))
  const number = decimal({ min: 0, max: 1 })
  const [only] = parts
  if (parts.length === 1 && only?.length === 1) return number(only[0] as string)
  const last = parts.pop() ?? []
  if (last.length !== 1) throw new InvalidArgumentError('It takes DAYS:POWER by comma, and a power alone as the last.')
  return [...byDays(parts), { untilDays: null, value: number(last[0] as string) }]
}

/** Reads DAYS:POWER by comma, days ascending. */
export function namingAges(text: string): { untilDays: number; value: number }[] {
  return byDays(list(text).map(part => part.split(':')))
}

function byDays(parts: readonly (readonly string[])[]): { untilDays: number; value: number }[] {
  let before = 0
  return parts.map(([days = '', power, ...rest]) => {
    if (power === undefined || rest.length > 0) throw new InvalidArgumentError('It takes DAYS:POWER by comma.')
    const untilDays = decimal({ min: 0.001 })(days)
    if (untilDays <= before) throw new InvalidArgumentError('It takes days in ascending order.')
    before = untilDays
    return { untilDays, value: decimal({ min: 0, max: 1 })(power) }
  })
}

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
