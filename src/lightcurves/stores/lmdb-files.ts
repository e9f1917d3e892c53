import fs from 'node:fs'
import path from 'node:path'
import { HieraxError } from '../../errors.ts'

/** Makes a folder and those above it, one by one: Node's recursive form loops forever below /proc. */
export function makeFolder(folder: string): void {
  if (fs.existsSync(folder)) return
  makeFolder(path.dirname(folder))
  try {
    fs.mkdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Size of a new store, about, bytes. */
const firstBytes = 1024 * 1024

/** Where fields are in the first two pages of a data file, bytes (`MDB_page`, `MDB_meta` of liblmdb 1.0). */
const fileAt = { magic: 24, pageSize: 48, lastPage: 144, length: 168 } as const
const magic = 0xbeefc0de

/**
 * Checks what would end the process without an error message when LMDB maps the files of an environment into memory: a data file that is
 * damaged or truncated, and a disk without room for the lock file. Throws STORE_REFUSED for a damaged file.
 */
export function checkFiles(folder: string): void {
  const file = path.join(folder, 'data.mdb')
  const wrong = fs.existsSync(file) && fs.statSync(file).size > 0 ? damageOf(file) : null
  if (wrong !== null) {
    throw new HieraxError(
      'STORE_REFUSED',
      `${file} is damaged: ${wrong}. Restore it from a copy or an export; or move it away, and light curves start again`
    )
  }
  if (fs.existsSync(path.join(folder, 'lock.mdb'))) return
  const { bavail, bsize } = fs.statfsSync(folder)
  if (bavail * bsize < firstBytes) throw new Error(`no room: ${bavail * bsize} bytes are free`)
}

function damageOf(file: string): string | null {
  const head = Buffer.alloc(fileAt.length)
  const descriptor = fs.openSync(file, 'r')
  try {
    const { size } = fs.fstatSync(descriptor)
    fs.readSync(descriptor, head, 0, head.length, 0)
    if (head.readUInt32LE(fileAt.magic) !== magic) return 'it does not begin like a file of LMDB'
    const pageSize = head.readUInt32LE(fileAt.pageSize)
    const first = Number(head.readBigUInt64LE(fileAt.lastPage))
    fs.readSync(descriptor, head, 0, head.length, pageSize)
    if (head.readUInt32LE(fileAt.magic) !== magic) return 'its second page is not a page of LMDB'
    // An intact file may lack its last pages if they have always been free.
    const second = Number(head.readBigUInt64LE(fileAt.lastPage))
    const needed = (Math.max(first, second) + 1) * pageSize
    return size < needed / 2 ? `it has ${size} bytes of some ${needed}` : null
  } finally {
    fs.closeSync(descriptor)
  }
}
