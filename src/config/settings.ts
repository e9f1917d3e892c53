import { z } from 'zod'
import { HieraxError } from '../errors.ts'
import type { Kind } from './kinds.ts'

/** What is known of one setting besides its place in the schema. */
export interface Setting {
  readonly kind: Kind<unknown>
  readonly meaning: string
  /** The value where nothing is set; undefined where `defaultText` says what happens then. */
  readonly default?: unknown
  /** The default in words, where it is not a plain value. */
  readonly defaultText?: string
  /** May come from a file of its own (`…File` in YAML, `…_FILE` in the environment). */
  readonly fromFile?: boolean
  /** What of it is never shown: all, or a password within a URL. */
  readonly hidden?: 'all' | 'password'
}

type About<T> = Omit<Setting, 'kind' | 'default'> & { readonly default?: T }

const registry = new WeakMap<z.core.$ZodType, Setting>()

/** A setting as a leaf of a schema. */
export function setting<T>(kind: Kind<T>, about: About<null> & { readonly default: null }): z.ZodType<T | null>
export function setting<T>(kind: Kind<T>, about: About<NoInfer<T>>): z.ZodType<T>
export function setting<T>(kind: Kind<T>, about: About<T | null>): z.ZodType<T | null> {
  // A schema of its own: settings of one kind differ in all else.
  const schema = kind.schema.describe(about.meaning)
  registry.set(schema, { ...about, kind })
  return schema as z.ZodType<T | null>
}

/** All settings of a schema by their paths (`input.nightsBack`), in its order. */
export function settingsOf(schema: z.ZodObject): ReadonlyMap<string, Setting> {
  return new Map(leaves(schema, ''))
}

function* leaves(schema: z.core.$ZodType, path: string): Generator<[path: string, setting: Setting]> {
  const setting = registry.get(schema)
  if (setting) yield [path, setting]
  else if (schema instanceof z.ZodObject) {
    for (const [name, part] of Object.entries(schema.shape)) yield* leaves(part, join(path, name))
  } else if (schema instanceof z.ZodUnion) {
    for (const option of schema.options) yield* leaves(option, path)
  } else if (schema instanceof z.ZodNullable || schema instanceof z.ZodExactOptional)
    yield* leaves(schema.unwrap(), path)
  else throw new HieraxError('INTERNAL', `${path}: is neither a setting nor a section`)
}

/**
 * The configuration that values by path make: a setting without one has its default. Of a union of a setting and a section, the section
 * is taken where any of its settings is given. A nullable section is null where none of its settings is given; if some are, all must be.
 */
export function assemble(
  schema: z.core.$ZodType,
  values: ReadonlyMap<string, unknown>,
  problems: string[],
  path = ''
): unknown {
  const setting = registry.get(schema)
  if (setting) return values.has(path) ? values.get(path) : setting.default
  if (schema instanceof z.ZodExactOptional) return assemble(schema.unwrap(), values, problems, path)
  if (schema instanceof z.ZodUnion) {
    const section = schema.options.find(option => option instanceof z.ZodObject) as z.ZodObject
    const [itself] = schema.options.filter(option => option !== section)
    if (![...settingsOf(section).keys()].some(name => values.has(join(path, name))))
      return itself && assemble(itself, values, problems, path)
    if (values.get(path) === false)
      problems.push(`${path}: is false, but settings below it are given; remove one or the other`)
    return assemble(section, values, problems, path)
  }
  const nullable = schema instanceof z.ZodNullable
  const parts = Object.entries(((nullable ? schema.unwrap() : schema) as z.ZodObject).shape)
  if (nullable) {
    const missing = parts.filter(([name]) => !values.has(join(path, name)))
    if (missing.length === parts.length) return null
    const all = parts.map(([name]) => name).join(', ')
    for (const [name] of missing) problems.push(`${join(path, name)}: is missing; ${path} requires ${all}`)
  }
  const built = parts.flatMap(([name, part]) => {
    const value = assemble(part, values, problems, join(path, name))
    // What is optional and not given is absent.
    return value === undefined && part instanceof z.ZodExactOptional ? [] : [[name, value] as const]
  })
  return Object.fromEntries(built)
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/** `input.nightsBack` → `HIERAX_INPUT_NIGHTS_BACK`. */
export function environmentName(path: string): string {
  return `HIERAX_${path
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`
}
