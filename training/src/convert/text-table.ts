import { dsvFormat } from 'd3-dsv'
import { shown } from 'hierax/errors.ts'
import { invalid, type Table } from './row.ts'

/** A row of text, split into cells. */
export interface TextRow {
  readonly where: string
  readonly cells: readonly string[]
}

/** Columns of a table without names: time, filter, magnitude, error. */
const headlessColumns = ['time', 'filter', 'mag', 'magerr']

const isNumeric = (text: string): boolean => text !== '' && Number.isFinite(Number(text))
const isTime = (text: string): boolean => /^\d{4}-\d\d-\d\d/.test(text)

/** A table of text: CSV, or columns separated by blanks. Throws DATA_INVALID by line. */
export function textTable(text: string, file: string): Table {
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
      if (count !== names.length) throw invalid(where, wrongLength(cells, count, names))
      const get = (name: string): unknown => cells[places.get(name) ?? -1] ?? position.get(name)
      return { where, id: null, list: '', get }
    })
  }
}

/** What is wrong with a row that has more or fewer cells than the table has columns, and what to do. */
function wrongLength(cells: readonly string[], count: number, names: readonly string[]): string {
  const values = cells.slice(0, count).map(cell => shown(cell, 20))
  const some =
    values.length > 6 ? `${values.slice(0, 3).join(', ')}, …, ${values.slice(-2).join(', ')}` : values.join(', ')
  const counts = `it has ${count} ${count === 1 ? 'value' : 'values'} (${some}), the table has ${names.length} columns`
  if (cells.some(cell => cell.includes('\n'))) return `${counts}: a quotation mark is not closed`
  if (count > names.length) return `${counts}; quote a value that has the separator in it`
  return `${counts}: there is none for ${names.slice(count).slice(0, 5).join(', ')}; complete the row (an empty cell for a value that is missing), or remove it`
}

function withoutEmptyEnd(cells: readonly string[]): string[] {
  return cells.slice(0, cells.findLastIndex(cell => cell !== '') + 1)
}

/** Names of this many columns from the last comment that has them, including a time and a band; null if there is none. */
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

/** The rows of a text table, comments and empty lines left out. */
export function textRows(text: string, file: string): TextRow[] {
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

/** What separates the cells: the character that is in both lines, or in the first if the next has one cell or is cut short; null for blanks. */
function delimiterOf(header: string, next: string): string | null {
  const count = (line: string, delimiter: string): number => line.split(delimiter).length - 1
  const hasBlanks = /\s/.test(next.trim())
  const found = [',', '\t', ';', '|'].filter(
    each => count(header, each) > 0 && (!hasBlanks || 2 * count(next, each) >= count(header, each))
  )
  return found.sort((a, b) => count(header, b) - count(header, a))[0] ?? null
}
