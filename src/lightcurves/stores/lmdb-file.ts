import fs from 'node:fs'
import path from 'node:path'
import { HieraxError } from '../../errors.ts'

/** Where things are in the two first pages of a data file, bytes (`MDB_page`, `MDB_meta` of liblmdb 1.0). */
const at = { magic: 24, pageSize: 48, lastPage: 144, length: 168 } as const
const magic = 0xbeefc0de

/**
 * Looks at the head of a store's file before LMDB maps it, for a file that is none or was cut off would end the process without a
 * word. Throws STORE_REFUSED for one.
 */
export function checkLmdbFile(folder: string): void {
  const file = path.join(folder, 'data.mdb')
  if (!fs.existsSync(file) || fs.statSync(file).size === 0) return
  const wrong = whatIsWrong(file)
  if (wrong === null) return
  throw new HieraxError(
    'STORE_REFUSED',
    `${file} is damaged: ${wrong}. Restore it from a copy or an export; or move it away, and light curves begin anew`
  )
}

function whatIsWrong(file: string): string | null {
  const head = Buffer.alloc(at.length)
  const descriptor = fs.openSync(file, 'r')
  try {
    const { size } = fs.fstatSync(descriptor)
    fs.readSync(descriptor, head, 0, head.length, 0)
    if (head.readUInt32LE(at.magic) !== magic) return 'it does not begin as a file of LMDB does'
    const pageSize = head.readUInt32LE(at.pageSize)
    const first = Number(head.readBigUInt64LE(at.lastPage))
    fs.readSync(descriptor, head, 0, head.length, pageSize)
    if (head.readUInt32LE(at.magic) !== magic) return 'its second page is no page of LMDB'
    // The last pages may be missing in a sound file, where they were free as soon as they were made.
    const second = Number(head.readBigUInt64LE(at.lastPage))
    const needed = (Math.max(first, second) + 1) * pageSize
    return size < needed / 2 ? `it has ${size} bytes of some ${needed}` : null
  } finally {
    fs.closeSync(descriptor)
  }
}
