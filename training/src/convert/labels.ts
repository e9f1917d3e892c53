import { shown } from 'hierax/errors.ts'
import { readTextRows } from './read-table.ts'
import { invalid } from './row.ts'

/** Published type and redshift by object id. */
export type Labels = ReadonlyMap<string, { readonly label: string; readonly z?: number }>

const names = {
  id: ['id', 'objectid', 'oid', 'obj_id', 'ztfid', 'ztf_id', 'name', 'object'],
  label: ['label', 'type', 'class', 'classification'],
  z: ['z', 'redshift']
}

/** Reads a CSV file with the columns `id`, `label` and optionally `z`, with or without a line of names. Throws DATA_INVALID by line and column. */
export async function readLabels(file: string): Promise<Labels> {
  const rows = await readTextRows(file)
  const header = rows[0]?.cells.map(cell => cell.toLowerCase()) ?? []
  const place = (column: keyof typeof names): number => header.findIndex(name => names[column].includes(name))
  const isNamed = place('id') >= 0 && place('label') >= 0
  const [id, label, z] = isNamed ? [place('id'), place('label'), place('z')] : [0, 1, 2]
  const labels = new Map<string, { label: string; z?: number }>()
  for (const { where, cells } of isNamed ? rows.slice(1) : rows) {
    const [name = '', type = ''] = [cells[id]?.normalize('NFC'), cells[label]?.normalize('NFC')]
    if (!isNamed && (cells.length < 2 || cells.length > 3)) {
      throw invalid(
        where,
        `a label file has the columns id, label and z, this line has ${cells.length} columns and the first line no such names`
      )
    }
    if (name === '' || type === '') {
      const given = cells.filter(cell => cell !== '').map(cell => shown(cell, 40))
      const has = given.length === 0 ? 'no value' : given.join(', ')
      throw invalid(
        `${where}, column ${name === '' ? 'id' : 'label'}`,
        `it is missing, the line has ${has}; complete the line, or remove it`
      )
    }
    const given = cells[z] ?? ''
    const redshift = Number(given)
    const hasRedshift = !/^(|-+|nan|none|null)$/i.test(given)
    if (hasRedshift && !(redshift > -0.01 && redshift < 20)) {
      throw invalid(`${where}, column z`, `should be a redshift, it is ${shown(given)}`)
    }
    const earlier = labels.get(name)
    if (earlier !== undefined && earlier.label !== type) {
      throw invalid(where, `${name} has another label already: ${earlier.label} and ${type}; keep one of the lines`)
    }
    if (earlier?.z !== undefined && hasRedshift && earlier.z !== redshift) {
      throw invalid(where, `${name} has another redshift already: ${earlier.z} and ${redshift}; keep one of the lines`)
    }
    labels.set(name, hasRedshift ? { label: type, z: redshift } : (earlier ?? { label: type }))
  }
  return labels
}
