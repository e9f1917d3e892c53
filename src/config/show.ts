import { shown } from '../errors.ts'
import type { Setting } from './settings.ts'

/** Replaces a secret wherever a setting is shown. */
export const mask = '********'

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
