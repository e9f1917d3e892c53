import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { HieraxError } from 'hierax/errors.ts'
import { checkRegular } from 'hierax/regular-file.ts'
import { TextError, utf8Text } from 'hierax/text.ts'
import { fileFault, gzipMagic } from '../light-curves/file-fault.ts'
import { jsonTable } from './json-table.ts'
import { invalid, type Table } from './row.ts'
import { type TextRow, textRows, textTable } from './text-table.ts'

/**
 * Reads CSV (comma, tab, semicolon or `|`), columns separated by blanks, or JSON; also compressed by gzip; `-` is standard input. Throws INPUT_NOT_FOUND, and
 * DATA_INVALID with the place for what is none of these.
 */
export async function readTable(file: string): Promise<Table> {
  const text = await readText(file)
  return /^\s*[[{]/.test(text) ? jsonTable(text, file) : textTable(text, file)
}

/** The rows of a text table, comments and empty lines left out. Throws as {@link readTable}. */
export async function readTextRows(file: string): Promise<TextRow[]> {
  return textRows(await readText(file), file)
}

/** First bytes of files that are not text. */
const signatures = [
  ['Obj\x01', 'an Avro container of alert packets: classify it with `hierax classify`'],
  ['SIMPLE', 'a FITS file: export it as CSV'],
  ['PAR1', 'a Parquet file: export it as CSV'],
  ['\x89HDF', 'an HDF5 file: export it as CSV'],
  ['PK\x03\x04', 'a zip archive or a spreadsheet: unpack it, or export it as CSV'],
  ['\x80', 'a Python pickle: export it as CSV'],
  ['\xff\xfe', 'text in UTF-16: save it as UTF-8'],
  ['\xfe\xff', 'text in UTF-16: save it as UTF-8'],
  ['<', 'HTML or XML (an error page, or a VOTable): download the table again, as CSV or JSON']
] as const

async function readText(file: string): Promise<string> {
  let bytes: Buffer
  try {
    if (file !== '-') checkRegular(file)
    bytes = file === '-' ? await buffer(process.stdin) : await readFile(file)
    if (gzipMagic.equals(bytes.subarray(0, 2)) || (file.endsWith('.gz') && bytes.length > 0)) bytes = gunzipSync(bytes)
  } catch (cause) {
    throw fileFault(file, cause)
  }
  const start = bytes.toString('latin1', 0, 64).trimStart()
  const kind = signatures.find(([signature]) => start.startsWith(signature))
  if (kind) throw invalid(file, `it is ${kind[1]}`)
  if (bytes.includes(0)) throw invalid(file, 'it is not text: it has bytes of value 0')
  try {
    const text = utf8Text(bytes)
    if (text.trim() === '')
      throw invalid(file, 'it is empty; expected a table: CSV, columns separated by blanks, or JSON')
    return text
  } catch (cause) {
    if (cause instanceof TextError) throw new HieraxError('DATA_INVALID', cause.in(file), { cause })
    throw cause
  }
}
