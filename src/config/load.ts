import fs from 'node:fs'
import { HieraxError, shown } from '../errors.ts'
import { assemble } from './assemble.ts'
import type { Config } from './config.ts'
import { type ConfigKey, configKeys, fileKeys, type Key, keys, type Values } from './keys.ts'
import { environmentLayer, fileLayer, type Given, type Layer, overrideLayer } from './layers.ts'
import { showValue } from './show.ts'

/** Where settings come from; a later one beats an earlier one. */
export interface ConfigSources {
  /** YAML file (`--config`); `HIERAX_CONFIG` names it otherwise. */
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Given on the command line, by path; text is read as in the environment. */
  readonly overrides?: Readonly<Partial<Record<ConfigKey, unknown>>>
}

/**
 * Reads, checks and completes all settings. Throws CONFIG_UNREADABLE for a file that can't be read, else CONFIG_INVALID
 * with every problem, a line each: the key, where it came from, what it got and what it wants.
 */
export function loadConfig(sources: ConfigSources): Config {
  const problems: string[] = []
  const file = sources.file ?? (sources.env.HIERAX_CONFIG || undefined)
  const layers: Layer[] = [
    overrideLayer(sources.overrides ?? {}, problems),
    environmentLayer(sources.env, problems),
    ...(file === undefined ? [] : [fileLayer(file, problems)])
  ]
  const values: Record<string, unknown> = {}
  for (const path of configKeys) {
    const given = find(path, layers, problems)
    values[path] = given === undefined ? (keys[path] as Key<unknown>).default : check(path, given, problems)
  }
  const config = assemble(values as Values, problems)
  if (problems.length === 0) return config
  const heading = problems.length === 1 ? '' : `${problems.length} problems:\n  `
  throw new HieraxError('CONFIG_INVALID', heading + problems.join('\n  '))
}

/** The value of the first layer that gives it, itself or through a file. */
function find(path: ConfigKey, layers: readonly Layer[], problems: string[]): Given | undefined {
  for (const layer of layers) {
    const direct = layer.get(path)
    const inFile = fileKeys.has(`${path}File`) ? layer.get(`${path}File`) : undefined
    if (direct && inFile) {
      problems.push(`${path}: both it (${direct.from}) and ${path}File (${inFile.from}) are given; give one`)
    }
    if (direct) return direct
    if (inFile) return readSecret(path, inFile, problems)
  }
  return undefined
}

function readSecret(path: ConfigKey, { value, from }: Given, problems: string[]): Given | undefined {
  if (typeof value !== 'string') {
    problems.push(`${path}File (${from}): got ${shown(value)}, wants the path of a file`)
    return undefined
  }
  try {
    const secret = fs.readFileSync(value, 'utf8').replace(/\r?\n$/, '')
    if (secret !== '') return { value: secret, from: `${from}: ${value}` }
    problems.push(`${path}File (${from}): the file ${shown(value)} is empty`)
  } catch (error) {
    problems.push(`${path}File (${from}): can't read ${shown(value)} (${(error as NodeJS.ErrnoException).code})`)
  }
  return undefined
}

function check(path: ConfigKey, given: Given, problems: string[]): unknown {
  const { kind } = keys[path] as Key<unknown>
  const value = typeof given.value === 'string' ? kind.read(given.value) : given.value
  const result = kind.schema.safeParse(value)
  if (result.success) return result.data
  const where = result.error.issues[0]?.path ?? []
  let name: string = path
  let culprit = value
  for (const step of where) {
    name += typeof step === 'number' ? `[${step}]` : `.${String(step)}`
    culprit = (culprit as Record<PropertyKey, unknown> | null | undefined)?.[step]
  }
  problems.push(`${name} (${given.from}): got ${showValue(path, culprit)}, wants ${kind.wants}`)
  return (keys[path] as Key<unknown>).default
}
