import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { dsvFormat } from 'd3-dsv'
import { HieraxError, shown } from 'hierax/errors.ts'
import { checkRegular } from 'hierax/regular-file.ts'

/** A row of a table. */
export interface Row {
  /** File and line, or file and place in a JSON document, for errors. */
  readonly where: string
  /** The value of a column, by its name in lower case; undefined if the row has none. */
  readonly get: (name: string) => unknown
  /** What the list of a JSON document is called that holds the row, in lower case; empty elsewhere. */
  readonly list: string
  /** Name of the object where it stands beside the row, not in it. */
  readonly id: string | null
}

/** What a file holds: rows of named cells. */
export interface Table {
  readonly file: string
  readonly rows: readonly Row[]
  /** Names of the columns as written, by name in lower case, with the first place of each. */
  readonly columns: ReadonlyMap<string, { readonly name: string; readonly where: string }>
  /** Whether the file gives the columns no names. */
  readonly headless: boolean
  /** Parts of a JSON document that are no rows. */
  readonly rest: ReadonlySet<string>
}

/** A row of text, split into cells. */
interface TextRow {
  readonly where: string
  readonly cells: readonly string[]
}

/** Columns of a table without names: time, filter, magnitude, error. */
const headlessColumns = ['time', 'filter', 'mag', 'magerr']

/**
 * Reads CSV (comma, tab, semicolon or `|`), columns separated by blanks, or JSON; also compressed by gzip. Throws INPUT_NOT_FOUND, and
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
    checkRegular(file)
    bytes = await readFile(file)
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const reason = code === 'ENOENT' ? 'does not exist' : `can't be read (${code ?? (cause as Error).message})`
    throw new HieraxError('INPUT_NOT_FOUND', `${file} ${reason}`, { cause })
  }
  const start = bytes.toString('latin1', 0, 64).trimStart()
  const kind = signatures.find(([signature]) => start.startsWith(signature))
  if (kind) throw invalid(file, `it is ${kind[1]}`)
  if (bytes.includes(0)) throw invalid(file, 'it is not text: it has bytes of value 0')
  if (start === '') throw invalid(file, 'it is empty')
  return bytes.toString('utf8').replace(/^\ufeff/, '')
}

export function invalid(where: string, message: string): HieraxError {
  return new HieraxError('DATA_INVALID', `${where}: ${message}`)
}

const isNumeric = (text: string): boolean => text !== '' && Number.isFinite(Number(text))
const isTime = (text: string): boolean => /^\d{4}-\d\d-\d\d/.test(text)

function textTable(text: string, file: string): Table {
  const rows = textRows(text, file)
  const first = rows[0]
  if (first === undefined) throw invalid(file, 'it has no rows, only comments')
  const isNamed = !first.cells.some(cell => isNumeric(cell) || isTime(cell))
  const commented = isNamed ? null : namesInComments(text, first.cells.length)
  const headless = !isNamed && commented === null
  if (headless && first.cells.length !== headlessColumns.length) {
    const wanted = `without one, four columns are expected: ${headlessColumns.join(', ')}`
    throw invalid(first.where, `the table has ${first.cells.length} columns and no line of their names; ${wanted}`)
  }
  const names = commented ?? (headless ? headlessColumns : withoutEmptyEnd(first.cells))
  const columns = new Map<string, { name: string; where: string }>()
  for (const name of names) {
    if (name !== '' && columns.has(name.toLowerCase())) throw invalid(first.where, `two columns are called ${name}`)
    columns.set(name.toLowerCase(), { name, where: first.where })
  }
  const places = new Map(names.map((name, at) => [name.toLowerCase(), at]))
  const position = coordinatesOf(text)
  return {
    ...{ file, headless, columns, rest: new Set<string>() },
    rows: (isNamed ? rows.slice(1) : rows).map(({ where, cells }) => {
      const count = Math.max(withoutEmptyEnd(cells).length, Math.min(cells.length, names.length))
      if (count !== names.length) {
        const hint = cells.some(cell => cell.includes('\n')) ? ' (a quotation mark is not closed)' : ''
        throw invalid(where, `it has ${count} columns, the table has ${names.length}${hint}`)
      }
      const get = (name: string): unknown => cells[places.get(name) ?? -1] ?? position.get(name)
      return { where, id: null, list: '', get }
    })
  }
}

function withoutEmptyEnd(cells: readonly string[]): string[] {
  return cells.slice(0, cells.findLastIndex(cell => cell !== '') + 1)
}

/** Names of so many columns from the last comment that has them, a time and a band among them; null if there is none. */
function namesInComments(text: string, count: number): string[] | null {
  const comments = text.split(/\r\n|\n|\r/).filter(line => line.trimStart().startsWith('#'))
  const found = comments.map(line =>
    line
      .replace(/^[\s#]+/, '')
      .split(/[\s,;|]+/)
      .filter(name => name !== '')
  )
  const has = (names: readonly string[], wanted: RegExp): boolean => names.some(name => wanted.test(name))
  const isHeader = (names: readonly string[]): boolean =>
    names.length === count && has(names, /^(filter|band|fid)$/i) && has(names, /^(m?jd|isot?|time|utc)$/i)
  return found.findLast(isHeader) ?? null
}

/** Where the header of a forced-photometry file says that the object is. */
function coordinatesOf(text: string): ReadonlyMap<string, string> {
  const [, ra] = /^# *Requested input R\.A\. *= *([\d.]+)/m.exec(text) ?? []
  const [, dec] = /^# *Requested input Dec\. *= *([-+\d.]+)/m.exec(text) ?? []
  return new Map(Object.entries(ra === undefined || dec === undefined ? {} : { ra, dec }))
}

function textRows(text: string, file: string): TextRow[] {
  const lines = text.split(/\r\n|\n|\r/)
  const isContent = (line: string): boolean => line.trim() !== '' && !line.trimStart().startsWith('#')
  const start = lines.findIndex(isContent)
  if (start < 0) return []
  const header = lines[start] as string
  const next = lines.slice(start + 1).find(isContent)
  const delimiter = delimiterOf(header, next ?? header)
  if (delimiter === null) {
    return lines.flatMap((line, at) => {
      if (!isContent(line)) return []
      const cells = line.trim().split(/\s+/)
      // The names in forced-photometry files are separated by commas; values may contain one.
      return [{ where: `${file}, line ${at + 1}`, cells: cells.map(cell => cell.replace(/,$/, '')) }]
    })
  }
  const rows: TextRow[] = []
  let line = start + 1
  for (const cells of dsvFormat(delimiter).parseRows(lines.slice(start).join('\n'))) {
    const isComment = cells[0]?.startsWith('#') && rows.length > 0
    if (!isComment && cells.some(cell => cell.trim() !== '')) {
      rows.push({ where: `${file}, line ${line}`, cells: cells.map(cell => cell.replace(/^[ \t]+|[ \t]+$/g, '')) })
    }
    line += 1 + cells.reduce((count, cell) => count + cell.split('\n').length - 1, 0)
  }
  return rows
}

/** What separates the cells: the character that is in both lines; null for blanks. */
function delimiterOf(header: string, next: string): string | null {
  const count = (line: string, delimiter: string): number => line.split(delimiter).length - 1
  const found = [',', '\t', ';', '|'].filter(
    each => count(header, each) > 0 && 2 * count(next, each) >= count(header, each)
  )
  return found.sort((a, b) => count(header, b) - count(header, a))[0] ?? null
}

/** Names of lists of points in JSON documents of brokers. */
const lists = new Set(
  'candidate candidates fp_hists detections non_detections forced_photometry forced_photometries forcedphot prv_candidates diasourceslist diaforcedsourceslist dianondetectionlimitslist data photometry lightcurve light_curve lightcurves results'.split(
    ' '
  )
)
const idKeys = ['objectId', 'oid', 'obj_id', 'diaObjectId', 'object_id', 'i:objectId']

type JsonObject = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What holds of all rows below a place of a JSON document. */
interface Around {
  readonly where: string
  readonly list: string
  readonly id: string | null
  readonly cells: readonly (readonly [string, unknown])[]
}

function jsonTable(text: string, file: string): Table {
  const rows: Row[] = []
  const rest = new Set<string>()
  const columns = new Map<string, { name: string; where: string }>()
  const visit = (value: unknown, around: Around): void => {
    const { where, list, id } = around
    if (Array.isArray(value)) {
      for (const [at, each] of value.entries()) visit(each, { ...around, where: `${where}[${at}]` })
    } else if (!isObject(value)) {
      throw invalid(where, `should be a JSON object with the values of a point, it is ${shown(value)}`)
    } else if (hasLists(value)) visitLists(value, around)
    else if (isColumns(value)) {
      for (const [at, each] of transposed(value, where).entries())
        visit(each, { ...around, where: `${where}, row ${at}` })
    } else if (isById(value)) {
      for (const [key, each] of Object.entries(value)) visit(each, { ...around, where: `${where}, ${key}`, id: key })
    } else if (Object.keys(value).length > 0) {
      const { extra_fields: extra, ...own } = value
      const entries = [...Object.entries(isObject(extra) ? extra : {}), ...Object.entries(own)]
      for (const [name] of entries) {
        if (!columns.has(name.toLowerCase())) columns.set(name.toLowerCase(), { name, where })
      }
      const cells = entries.map(([name, cell]): [string, unknown] => [name.toLowerCase(), cell])
      const all = new Map([...around.cells, ...cells])
      rows.push({ where, list, id, get: name => all.get(name) })
    }
  }
  const visitLists = (value: JsonObject, around: Around): void => {
    const id = idKeys.map(key => value[key] ?? (value.diaObject as JsonObject | undefined)?.[key]).find(isName)
    const { diaObject } = value
    const cells = isObject(diaObject) ? Object.entries({ ra: diaObject.ra, dec: diaObject.dec ?? diaObject.decl }) : []
    for (const [key, part] of Object.entries(value)) {
      const where = `${around.where}, ${key}`
      if (lists.has(key.toLowerCase()) && typeof part === 'object') {
        if (part !== null)
          visit(part, { where, list: key.toLowerCase(), id: id === undefined ? around.id : String(id), cells })
      } else if (Array.isArray(part) && part.some(isPoint)) {
        throw invalid(where, 'it is a list of points that is not known; rename it (`detections`), or take it out')
      } else if (!idKeys.includes(key)) rest.add(key)
    }
  }
  for (const { value, where } of jsonValues(text, file)) visit(value, { where, list: '', id: null, cells: [] })
  return { file, rows, columns, rest, headless: false }
}

const isName = (value: unknown): boolean => (typeof value === 'string' && value !== '') || typeof value === 'number'
const isPoint = (value: unknown): boolean =>
  isObject(value) && Object.keys(value).some(key => /^(i:|r:)?(jd|mjd|midpointmjdtai|midpointtai)$/i.test(key))
const hasLists = (value: JsonObject): boolean =>
  Object.entries(value).some(([key, part]) => lists.has(key.toLowerCase()) && typeof part === 'object' && part !== null)

/** Whether an object has one list, or one map by row, for each column: how pandas writes a table by default. */
function isColumns(value: JsonObject): boolean {
  const parts = Object.values(value)
  if (parts.length < 3) return false
  if (parts.every(part => Array.isArray(part) && !part.some(isObject))) return true
  return parts.every(part => isObject(part) && Object.keys(part).every(key => /^\d+$/.test(key)))
}

function transposed(value: JsonObject, where: string): JsonObject[] {
  const entries = Object.entries(value).map(([name, part]) => [name, Object.entries(part as object)] as const)
  const [first, length] = [entries[0]?.[0], entries[0]?.[1].length ?? 0]
  const other = entries.find(([, cells]) => cells.length !== length)
  if (other) throw invalid(where, `column ${other[0]} has ${other[1].length} values, ${first} has ${length}`)
  return Array.from({ length }, (_, at) => Object.fromEntries(entries.map(([name, cells]) => [name, cells[at]?.[1]])))
}

/** Whether an object has a light curve under the name of each object. */
function isById(value: JsonObject): boolean {
  const parts = Object.values(value)
  return (
    parts.length > 0 &&
    parts.every(part => (Array.isArray(part) ? part.every(isObject) : isObject(part) && hasLists(part)))
  )
}

/** The document, or the documents on each line. */
function* jsonValues(text: string, file: string): Generator<{ value: unknown; where: string }> {
  let whole: unknown
  try {
    whole = JSON.parse(repaired(text))
  } catch (cause) {
    const lines = text.split('\n')
    for (const [at, line] of lines.entries()) {
      if (line.trim() === '') continue
      const where = `${file}, line ${at + 1}`
      try {
        yield { value: JSON.parse(repaired(line)), where }
      } catch {
        throw new HieraxError('DATA_INVALID', `${file}: it is not valid JSON (${(cause as Error).message})`, { cause })
      }
    }
    return
  }
  yield { value: whole, where: file }
}

/** JSON with what Python writes beyond it, and with identifiers of more digits than a number holds as text. */
function repaired(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|(?<![\w.+-])-?(?:\d{16,}(?![\d.eE])|NaN\b|Infinity\b)/g, token =>
    token.startsWith('"') ? token : `"${token}"`
  )
}
