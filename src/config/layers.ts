import { createRequire } from 'node:module'
import { HieraxError, nearest, shown } from '../errors.ts'
import { readRegular } from '../regular-file.ts'
import { TextError, utf8Text } from '../text.ts'
import { environmentName } from './settings.ts'

/** A value as it was given, before it is checked. */
export interface Given {
  readonly value: unknown
  /** Where it came from, for messages. */
  readonly from: string
}

/** What one source (file, environment, command line) gives, by path. */
export type Layer = ReadonlyMap<string, Given>

/** Environment names with the prefix that are not settings. */
const reservedNames: ReadonlySet<string> = new Set(['HIERAX_CONFIG', 'HIERAX_REQUIRE_ALL'])

/**
 * Reads a YAML file. What is not among the `paths` that can be given is added to `problems`.
 *
 * @throws HieraxError CONFIG_UNREADABLE
 */
export function fileLayer(file: string, paths: readonly string[], problems: string[]): Layer {
  const layer = new Map<string, Given>()
  const content = readYaml(file)
  if (content === null || content === undefined) return layer
  if (!(content instanceof Map)) {
    throw new HieraxError('CONFIG_UNREADABLE', `${file} holds ${shown(plain(content))}, not settings by name`)
  }
  flatten('', content)
  return layer

  function flatten(path: string, value: unknown): void {
    const isSection = path === '' || paths.some(candidate => candidate.startsWith(`${path}.`))
    if (isSection && value instanceof Map) {
      for (const [name, part] of value) flatten(path === '' ? String(name) : `${path}.${name}`, part)
    } else if (paths.includes(path)) {
      if (layer.has(path)) problems.push(`${path} (${file}): is given twice`)
      if (value !== null) layer.set(path, { value: plain(value), from: file })
    } else if (!isSection) {
      problems.push(`${path} (${file}): no such setting; the nearest is ${nearest(path, paths)}`)
    } else if (value !== null) {
      problems.push(`${path} (${file}): got ${shown(plain(value))}, expected settings below it`)
    }
  }
}

function readYaml(file: string): unknown {
  const unreadable = (problem: string, cause: unknown): HieraxError =>
    new HieraxError('CONFIG_UNREADABLE', `${problem}: ${(cause as Error).message}`, { cause })
  let text: string
  try {
    text = utf8Text(readRegular(file))
  } catch (error) {
    if (error instanceof TextError) throw new HieraxError('CONFIG_UNREADABLE', error.in(file), { cause: error })
    throw unreadable(`can't read ${shown(file)}`, error)
  }
  // Not imported: loading the parser takes a tenth of a command's time, and most commands read no file.
  const { parseDocument }: typeof import('yaml') = createRequire(import.meta.url)('yaml')
  try {
    const document = parseDocument(text)
    if (document.errors[0]) throw document.errors[0]
    // Maps instead of objects: a key such as `__proto__` stays a key.
    return document.toJS({ mapAsMap: true })
  } catch (error) {
    throw unreadable(`${file} is not valid YAML`, error)
  }
}

/** Reads the environment. Names that don't exist are added to `problems`. */
export function environmentLayer(
  env: Readonly<Record<string, string | undefined>>,
  paths: readonly string[],
  problems: string[]
): Layer {
  const pathOfName = new Map(paths.map(path => [environmentName(path), path]))
  const layer = new Map<string, Given>()
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('HIERAX_') || value === undefined || reservedNames.has(name)) continue
    const path = pathOfName.get(name)
    if (path !== undefined) {
      if (value.trim() === '') problems.push(`${path} (${name}): is empty; give it a value, or unset it`)
      else layer.set(path, { value, from: name })
    } else if (!isServiceLink(name, value)) {
      problems.push(
        `${name}: no such setting; the nearest is ${nearest(name, [...pathOfName.keys(), ...reservedNames])}`
      )
    }
  }
  return layer
}

/** What the command line gives, by path; undefined values are not given. */
export function overrideLayer(
  overrides: Readonly<Record<string, unknown>>,
  paths: readonly string[],
  problems: string[]
): Layer {
  const layer = new Map<string, Given>()
  for (const [path, value] of Object.entries(overrides)) {
    if (value === undefined) continue
    if (paths.includes(path)) layer.set(path, { value, from: 'command line' })
    else problems.push(`${path}: no such setting; the nearest is ${nearest(path, paths)}`)
  }
  return layer
}

/** Kubernetes puts the addresses of services into every container: those of a service named hierax are no settings. */
function isServiceLink(name: string, value: string): boolean {
  if (/_SERVICE_(HOST|PORT(_.+)?)$/.test(name) || /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name))
    return true
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value)
}

/** YAML maps as plain objects. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, part]) => [String(name), plain(part)]))
  return value
}
