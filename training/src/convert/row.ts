import { HieraxError } from 'hierax/errors.ts'

/** A row of a table. */
export interface Row {
  /** File and line, or file and place in a JSON document, for errors. */
  readonly where: string
  /** The value of a column, by its name in lower case; undefined if the row has none. */
  readonly get: (name: string) => unknown
  /** What the list of a JSON document is called that holds the row, in lower case; empty elsewhere. */
  readonly list: string
  /** Name of the object, if it is given outside the row. */
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

export function invalid(where: string, message: string): HieraxError {
  return new HieraxError('DATA_INVALID', `${where}: ${message}`)
}
