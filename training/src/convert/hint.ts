import { recognised } from './formats.ts'
import { readTable } from './read-table.ts'

/** What to do with a file that is no file of light curves as `hierax train` reads them; null if it is not a table that can be converted. */
export async function conversionHint(file: string): Promise<string | null> {
  const table = await readTable(file).catch(() => null)
  const first = table?.rows[0]
  if (table === null || ['mjd', 'band', 'mag', 'flux'].some(name => Array.isArray(first?.get(name)))) return null
  const format = recognised(table)
  if (format === null) return 'if it is a table of photometry, see `hierax convert --help`'
  return `it looks like ${format.title}; convert it: hierax convert ${file} --out objects.jsonl`
}
