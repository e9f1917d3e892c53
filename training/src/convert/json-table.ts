import { HieraxError, shown } from 'hierax/errors.ts'
import { checkKeys, TextError } from 'hierax/text.ts'
import { invalid, type Row, type Table } from './row.ts'

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

/** Longest place in a document, characters: no tool nests its lists more than a few times. */
const deepest = 500

/** The points of a JSON document of a broker or of pandas. Throws DATA_INVALID by place. */
export function jsonTable(text: string, file: string): Table {
  const rows: Row[] = []
  const rest = new Set<string>()
  const columns = new Map<string, { name: string; where: string }>()
  const visit = (value: unknown, around: Around): void => {
    const { where, list, id } = around
    if (where.length > file.length + deepest) throw invalid(file, 'its lists are nested too deeply')
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
    whole = parsed(text, file, 1)
  } catch (cause) {
    if (cause instanceof HieraxError) throw cause
    let first = true
    for (const [at, line] of text.split('\n').entries()) {
      if (line.trim() === '') continue
      const where = `${file}, line ${at + 1}`
      try {
        yield { value: parsed(line, file, at + 1), where }
      } catch (error) {
        if (error instanceof HieraxError) throw error
        const [place, problem] = first ? [file, cause as Error] : [where, error as Error]
        throw new HieraxError('DATA_INVALID', `${place}: it is not valid JSON (${problem.message})`, { cause: problem })
      }
      first = false
    }
    return
  }
  yield { value: whole, where: file }
}

/** The value of a text that begins on a line of a file. Throws a SyntaxError, and DATA_INVALID for a key that is given twice. */
function parsed(text: string, file: string, line: number): unknown {
  const json = repaired(text)
  const value: unknown = JSON.parse(json)
  try {
    checkKeys(json)
  } catch (error) {
    if (!(error instanceof TextError)) throw error
    throw invalid(`${file}, line ${line - 1 + (error.line ?? 1)}`, error.message)
  }
  return value
}

/** JSON with what Python writes beyond it, and with identifiers of more digits than a number holds as text. */
function repaired(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|(?<![\w.+-])-?(?:\d{16,}(?![\d.eE])|NaN\b|Infinity\b)/g, token =>
    token.startsWith('"') ? token : `"${token}"`
  )
}
