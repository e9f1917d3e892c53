import { stringify } from 'yaml'
import type { z } from 'zod'
import { shown } from '../errors.ts'
import { type Config, configSchema } from './config.ts'
import { type Setting, settingsOf } from './settings.ts'

/** Replaces a secret wherever a setting is shown. */
const mask = '********'

type Section = Record<string, unknown>

/** The configuration in effect as YAML that `--config` reads, with secrets masked. */
export function printConfig(config: Config, schema: z.ZodObject = configSchema): string {
  const copy = structuredClone<Section>({ ...config })
  for (const [path, { hidden, default: usual }] of settingsOf(schema)) {
    const names = path.split('.')
    const name = names.pop() as string
    const section = names.reduce<Section | null | undefined>((part, step) => part?.[step] as Section, copy)
    const value = section?.[name]
    if (section && hidden && typeof value === 'string') section[name] = hidden === 'all' ? mask : maskUrl(value)
    // A file that gives null leaves a setting to its default.
    if (section && value === null && usual !== null) section[name] = 'none'
  }
  return stringify(copy, { aliasDuplicateObjects: false, lineWidth: 0 })
}

/** A setting's value as it may be shown in a message: secrets masked, long values cut. */
export function showValue({ hidden }: Setting, value: unknown): string {
  if (hidden === 'all') return 'a value that is not shown'
  if (hidden === 'password' && typeof value === 'string') return shown(maskUrl(value))
  if (typeof value === 'object' && value !== null) {
    const json = JSON.stringify(value)
    return json.length > 80 ? `${json.slice(0, 80)}…` : json
  }
  return shown(value)
}

/** A URL (or what was meant to be one) with its password masked. */
export function maskUrl(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^:@/?#]*:).*@/i, `$1${mask}@`)
}
