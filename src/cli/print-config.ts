import { stringify } from 'yaml'
import type { z } from 'zod'
import { type Config, configSchema } from '../config/config.ts'
import { settingsOf } from '../config/settings.ts'
import { mask, maskUrl } from '../config/show.ts'

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
