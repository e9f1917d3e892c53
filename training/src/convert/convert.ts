import path from 'node:path'
import { HieraxError, nearest, shown } from 'hierax/errors.ts'
import { tally } from '../collections.ts'
import { type Format, formats, namesOf, recognised, unusedColumns } from './formats.ts'
import { readLabels } from './labels.ts'
import { type Curve, linesOf, plural, some } from './object-lines.ts'
import { type PointOptions, pointReader } from './points.ts'
import { readTable } from './read-table.ts'
import { invalid, type Row, type Table } from './row.ts'
import { surveyName } from './values.ts'

/** What to convert, and how. */
export interface ConvertPlan extends PointOptions {
  readonly files: readonly string[]
  /** Name of the format; recognised by the columns if it is absent. */
  readonly format?: string | undefined
  /** Name of the object, if there is only one. */
  readonly id?: string | undefined
  /** CSV file of labels. */
  readonly labels?: string | undefined
  /** Columns to leave out. */
  readonly ignore: readonly string[]
  /** New names of columns by their names. */
  readonly rename: ReadonlyMap<string, string>
}

/** Light curves as lines of the file that `train`, `evaluate` and `simulate` read, and what was left out. */
export interface Converted {
  readonly lines: readonly string[]
  readonly notes: readonly string[]
  /** How columns were used. */
  readonly details: readonly string[]
}

/** What the files read so far have given. */
interface Progress {
  readonly curves: Map<string, Curve>
  /** Objects that the tables name. */
  readonly named: Set<string>
  /** Columns of all tables, in lower case. */
  readonly columns: Set<string>
  /** Surveys of g, r and i. */
  readonly surveys: Set<string>
  readonly notes: string[]
  readonly details: string[]
}

/**
 * Converts tables to light curves. Points of one object in several files become one light curve. Throws DATA_INVALID with file, place,
 * column and value; INPUT_NOT_FOUND; USAGE.
 */
export async function convert(plan: ConvertPlan): Promise<Converted> {
  const surveys = new Set<string>()
  const progress: Progress = {
    curves: new Map(),
    named: new Set(),
    columns: new Set(),
    surveys,
    notes: [],
    details: []
  }
  for (const file of plan.files) addTable(await readTable(file), plan, progress)
  const { curves, named, columns, notes, details } = progress
  if (plan.id !== undefined && named.size > 1) {
    throw new HieraxError('USAGE', `--id is for one object, the tables name ${named.size}: ${some([...named])}`)
  }
  const missing = [...plan.ignore, ...plan.rename.keys()].find(name => !columns.has(name.toLowerCase()))
  if (missing !== undefined) {
    const hint = `; the nearest is ${nearest(missing, [...columns])}`
    throw new HieraxError('USAGE', `no table has the column ${missing} of --ignore or --rename${hint}`)
  }
  const absent = plan.takeBands.map(surveyName).find(name => name !== 'ztf' && !surveys.has(name))
  if (absent !== undefined) {
    const others = [...surveys].filter(name => name !== 'ztf')
    const found =
      others.length === 0 ? 'they have bands of ZTF only; leave the option out' : `they have ${others.join(', ')}`
    throw new HieraxError('USAGE', `--take-bands: no table has g, r or i of ${shown(absent)}; ${found}`)
  }
  const labels = plan.labels === undefined ? null : await readLabels(plan.labels)
  const lines = linesOf(curves, labels, plan, notes)
  if (lines.length === 0) {
    throw invalid(some(plan.files), `no point can be used:\n${notes.join('\n')}\n${otherBands(notes)}`)
  }
  return { lines, notes, details }
}

/** Adds the points of a table to the curves of their objects. */
function addTable(given: Table, plan: ConvertPlan, progress: Progress): void {
  const { curves, named, columns, surveys, notes, details } = progress
  for (const name of given.columns.keys()) columns.add(name)
  const table = renamed(given, plan)
  const { file, rows } = table
  const format = formatOf(table, plan.format)
  if (plan.photometry === 'total' && format.differences) {
    throw new HieraxError('USAGE', `--photometry total: ${format.title} has differences only (${file})`)
  }
  const ignored = checkColumns(table, format)
  const assumed = new Set<string>()
  const reader = pointReader(
    table,
    format,
    plan,
    text => assumed.add(text),
    name => surveys.add(name)
  )
  const dropped: string[] = []
  const ids = new Set<string>()
  for (const row of rows) {
    const own = ownId(row, format)
    if (own !== null) named.add(own.normalize('NFC'))
    const id = (plan.id ?? own ?? idOfFile(file)).normalize('NFC')
    ids.add(id)
    const curve = curves.get(id) ?? { points: [], sources: new Set(), positions: [] }
    curves.set(id, curve)
    const point = reader(row)
    if (typeof point === 'string') {
      dropped.push(point)
      continue
    }
    curve.points.push(point)
    curve.sources.add(format.title)
    const position = positionOf(row, table, format)
    if (position !== null) curve.positions.push(position)
  }
  const kept = plural(rows.length - dropped.length, 'point')
  notes.push(`${file}: ${format.title}, ${plural(rows.length, 'row')}, ${kept} of ${plural(ids.size, 'object')}.`)
  for (const [reason, count] of [...tally(dropped)].sort((a, b) => b[1] - a[1])) {
    notes.push(`  left out: ${plural(count, 'row')}: ${reason}.`)
  }
  notes.push(...[...assumed].map(text => `  ${text}.`))
  const written = (name: string): string[] => {
    const column = table.columns.get(name)
    return column === undefined ? [] : [column.name || 'the one without a name']
  }
  const used = Object.values(format.columns).flatMap(namesOf).flatMap(written)
  details.push(`${file}: columns used: ${used.join(', ')}.`)
  const rest = [...ignored.flatMap(written), ...table.rest]
  if (rest.length > 0) details.push(`${file}: columns ignored: ${rest.join(', ')}.`)
}

/** What to do where all points are of other surveys. */
function otherBands(notes: readonly string[]): string {
  const [, survey] = /band (lsst|sdss|ps1|decam|des|\w+?)[gri], which/.exec(notes.join('\n')) ?? []
  if (survey === undefined) return 'Light curves need points in ZTF g, r or i.'
  return `Models are for ZTF photometry. To take g, r and i of ${survey} as ZTF's in spite of the differences between the filters, give --take-bands ${survey}.`
}

/** Columns under their new names, without those to ignore. */
function renamed(table: Table, { rename, ignore }: ConvertPlan): Table {
  if (rename.size === 0 && ignore.length === 0) return table
  const names = new Map([...rename].map(([from, to]) => [from.toLowerCase(), to]))
  const left = new Set(ignore.map(name => name.toLowerCase()))
  const columns = new Map<string, { name: string; where: string }>()
  const origins = new Map<string, string>()
  for (const [key, column] of table.columns) {
    if (left.has(key)) continue
    const name = names.get(key) ?? column.name
    if (columns.has(name.toLowerCase())) {
      throw new HieraxError(
        'USAGE',
        `--rename: ${table.file} has two columns ${name} then; leave one out with --ignore`
      )
    }
    columns.set(name.toLowerCase(), { ...column, name })
    origins.set(name.toLowerCase(), key)
  }
  const rows = table.rows.map(row => ({
    ...row,
    get: (name: string) => row.get(origins.get(name) ?? (table.columns.has(name) ? '' : name))
  }))
  return { ...table, columns, rows }
}

function formatOf(table: Table, name: string | undefined): Format {
  const columns = [...table.columns.values()].map(column => column.name)
  if (table.columns.has('photometry') && table.columns.has('band')) {
    throw invalid(table.file, 'it is in the format of `hierax train` already: it needs no conversion')
  }
  const found = name === undefined ? recognised(table) : formats.find(format => format.name === name)
  if (found) return found
  const known = formats.map(format => format.name).join(', ')
  if (columns.length === 0) throw invalid(table.file, 'it has no points')
  throw invalid(
    table.file,
    `its format is not recognised by its columns (${columns.slice(0, 12).join(', ')}${columns.length > 12 ? ', …' : ''}); name it with --format (${known}), or rename columns with --rename`
  )
}

/** Columns that are not needed. Throws DATA_INVALID where a column has no place. */
function checkColumns(table: Table, format: Format): string[] {
  const { ignored, unknown } = unusedColumns(format, table.columns.keys())
  const [first] = unknown
  if (first === undefined) return ignored
  const names = unknown.map(name => table.columns.get(name)?.name ?? name)
  const known = Object.values(format.columns).flatMap(namesOf)
  const many = names.length > 1
  throw invalid(
    `${table.columns.get(first)?.where}, ${many ? 'columns' : 'column'} ${names.join(', ')}`,
    `${format.title} has no such ${many ? 'columns' : 'column'}; if ${many ? 'one' : 'it'} is needed, rename it (--rename ${names[0]}=${nearest(first, known)}), else leave ${many ? 'them' : 'it'} out: ${names.map(name => `--ignore ${quoted(name)}`).join(' ')}`
  )
}

const quoted = (name: string): string => (/^[\w:.-]+$/.test(name) ? name : `'${name}'`)

/** The name of the object in the row, otherwise the one given outside the row; null if the table has no names. */
function ownId(row: Row, format: Format): string | null {
  for (const name of namesOf(format.columns.id)) {
    const value = row.get(name)
    if ((typeof value === 'string' && value.trim() !== '') || typeof value === 'number') return String(value).trim()
  }
  return row.id
}

/** The ZTF name in the name of a file; without one, the name of the file without its ending. */
function idOfFile(file: string): string {
  const base = file === '-' ? 'stdin' : path.basename(file)
  return /ZTF\d\d[a-z]{7}/.exec(base)?.[0] ?? base.replace(/(\.(csv|tsv|txt|dat|json|jsonl|ndjson|gz))+$/i, '')
}

/** Right ascension and declination of a row, degrees; null where it has none. */
function positionOf(row: Row, { columns }: Table, format: Format): [number, number] | null {
  const value = (role: 'ra' | 'dec', from: number, to: number): number | null => {
    for (const name of namesOf(format.columns[role])) {
      const given = row.get(name)
      if (given === undefined || given === null || /^(|nan|none|null)$/i.test(String(given).trim())) continue
      const number = Number(given)
      if (number >= from && number <= to) return number
      const where = `${row.where}, column ${columns.get(name)?.name ?? name}`
      throw invalid(
        where,
        `should be degrees from ${from} to ${to}, it is ${shown(given)}; correct it, or leave it out: --ignore ${name}`
      )
    }
    return null
  }
  const [ra, dec] = [value('ra', 0, 360), value('dec', -90, 90)]
  return ra === null || dec === null ? null : [ra, dec]
}
