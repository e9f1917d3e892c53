import type { z } from 'zod'
import { HieraxError, shown } from '../errors.ts'
import { readRegular, whyUnreadable } from '../regular-file.ts'
import { type Config, type ConfigPath, configSchema } from './config.ts'
import { environmentLayer, fileLayer, type Given, type Layer, overrideLayer } from './layers.ts'
import { resolve } from './rules.ts'
import { assemble, type Setting, settingsOf } from './settings.ts'
import { showValue } from './show.ts'

/** Where settings come from; a later one beats an earlier one. */
export interface ConfigSources {
  /** YAML file (`--config`); `HIERAX_CONFIG` names it otherwise. */
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Given on the command line, by path; text is read as in the environment. */
  readonly overrides?: Readonly<Partial<Record<ConfigPath, unknown>>>
}

/**
 * Reads, checks and completes all settings.
 *
 * @throws HieraxError CONFIG_UNREADABLE for a file that can't be read, else CONFIG_INVALID with every problem, a line each: the key,
 *   where it came from, what it got and what was expected
 */
export function loadConfig(sources: ConfigSources, schema: z.ZodObject = configSchema): Config {
  const problems: string[] = []
  const settings = settingsOf(schema)
  const paths = [...settings].flatMap(([path, { fromFile }]) => (fromFile ? [path, `${path}File`] : [path]))
  const file = sources.file ?? (sources.env.HIERAX_CONFIG || undefined)
  const layers: Layer[] = [
    overrideLayer(sources.overrides ?? {}, paths, problems),
    environmentLayer(sources.env, paths, problems),
    ...(file === undefined ? [] : [fileLayer(file, paths, problems)])
  ]
  const values = new Map<string, unknown>()
  for (const [path, setting] of settings) {
    const given = find(path, layers, problems)
    const checked = given && check(path, setting, given, problems)
    if (checked) values.set(path, checked.value)
  }
  const config = resolve(assemble(schema, values, problems) as Config, problems)
  if (problems.length === 0) return config
  const heading = problems.length === 1 ? '' : `${problems.length} problems:\n  `
  throw new HieraxError('CONFIG_INVALID', heading + problems.join('\n  '))
}

/** The value of the first layer that gives it, itself or through a file. */
function find(path: string, layers: readonly Layer[], problems: string[]): Given | undefined {
  for (const layer of layers) {
    const direct = layer.get(path)
    const inFile = layer.get(`${path}File`)
    if (direct && inFile) {
      problems.push(`${path}: both it (${direct.from}) and ${path}File (${inFile.from}) are given; give one`)
    }
    if (direct) return direct
    if (inFile) return readSecret(path, inFile, problems)
  }
  return undefined
}

function readSecret(path: string, { value, from }: Given, problems: string[]): Given | undefined {
  if (typeof value !== 'string') {
    problems.push(`${path}File (${from}): got ${shown(value)}, expected the path of a file`)
    return undefined
  }
  try {
    const secret = readRegular(value)
      .toString()
      .replace(/\r?\n$/, '')
    if (secret !== '') return { value: secret, from: `${from}: ${value}` }
    problems.push(`${path}File (${from}): the file ${shown(value)} is empty`)
  } catch (error) {
    problems.push(`${path}File (${from}): can't read ${shown(value)} (${whyUnreadable(error)})`)
  }
  return undefined
}

/** The value as the setting reads it; undefined where it is not accepted. */
function check(path: string, setting: Setting, given: Given, problems: string[]): { value: unknown } | undefined {
  const { kind } = setting
  const value = typeof given.value === 'string' ? kind.read(given.value) : given.value
  const result = kind.schema.safeParse(value)
  if (result.success) return { value: result.data }
  let name = path
  let culprit = value
  const [issue] = result.error.issues
  for (const step of issue?.path ?? []) {
    name += typeof step === 'number' ? `[${step}]` : `.${String(step)}`
    if (typeof culprit !== 'object') break
    culprit = (culprit as Record<PropertyKey, unknown> | null)?.[step]
  }
  const expected = (issue && kind.explain?.(issue)) || kind.expected
  problems.push(`${name} (${given.from}): got ${showValue(setting, culprit)}, expected ${expected}`)
  return undefined
}
