import { spawn } from 'node:child_process'
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
const fileAt = { magic: 24, pageSize: 48, freeRoot: 88, lastPage: 144, transaction: 152, length: 168 } as const

/** Where fields are in every other page (`MDB_page`); the offsets of its nodes follow the header and count from its end. */
const pageAt = { flags: 18, lower: 20, header: 24 } as const

/** The root of a tree without pages. */
const noPage = 2n ** 64n - 1n
const magic = 0xbeefc0de

/**
 * Checks what would end the process without an error message when LMDB maps the files of an environment into memory: a data file that is
 * damaged or truncated, and a disk without room for the lock file. Throws STORE_REFUSED for a damaged file.
 */
export function checkFiles(folder: string): void {
  const file = path.join(folder, 'data.mdb')
  const wrong = fs.existsSync(file) ? damageOf(file) : null
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
  if (isEmpty(file)) return 'it is empty'
  const head = Buffer.alloc(fileAt.length)
  const descriptor = fs.openSync(file, 'r')
  try {
    const { size } = fs.fstatSync(descriptor)
    fs.readSync(descriptor, head, 0, head.length, 0)
    if (head.readUInt32LE(fileAt.magic) !== magic) return 'it does not begin like a file of LMDB'
    const pageSize = head.readUInt32LE(fileAt.pageSize)
    const second = Buffer.alloc(fileAt.length)
    fs.readSync(descriptor, second, 0, second.length, pageSize)
    if (second.readUInt32LE(fileAt.magic) !== magic) return 'its second page is not a page of LMDB'
    const isSecond = second.readBigUInt64LE(fileAt.transaction) > head.readBigUInt64LE(fileAt.transaction)
    const newest = isSecond ? second : head
    const to = Number(newest.readBigUInt64LE(fileAt.lastPage))
    const from = Math.floor(size / pageSize)
    // An intact file may lack its last pages if they have always been free.
    if (from > to || areFree(descriptor, { pageSize, from, to, root: newest.readBigUInt64LE(fileAt.freeRoot) }))
      return null
    return `it has ${size} bytes of ${(to + 1) * pageSize}`
  } finally {
    fs.closeSync(descriptor)
  }
}

/** How long a file may be empty because another process is creating it, ms. */
const creation = 2000

/** Whether a file is empty, and stays so. */
function isEmpty(file: string): boolean {
  const until = performance.now() + creation
  while (fs.statSync(file).size === 0) {
    if (performance.now() > until) return true
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
  }
  return false
}

/**
 * Whether the pages of a file from a number on are free by one of its meta pages (at an offset), so that nothing ever reads them. They are listed
 * in a B-tree: keys are transactions, values are lists of u64, the first of which is its length. A negative number −n says that n pages
 * lie in a row at the next number. All of the tree must be before these pages.
 */
function areFree(descriptor: number, { pageSize, from, to, root }: FreePages): boolean {
  const free = new Set<number>()
  const read = (number: number, bytes = pageSize): Buffer => {
    if (number * pageSize + bytes > from * pageSize) throw new RangeError('a page of the tree is missing')
    const page = Buffer.alloc(bytes)
    fs.readSync(descriptor, page, 0, bytes, number * pageSize)
    return page
  }
  const addList = (list: Buffer): void => {
    for (let at = 8; at < list.length; at += 8) {
      const value = Number(list.readBigInt64LE(at))
      if (value < 0) at += 8
      const first = value < 0 ? Number(list.readBigInt64LE(at)) : value
      for (let page = first; page < first + Math.max(1, -value); page++) free.add(page)
    }
  }
  const walk = (number: number): void => {
    const page = read(number)
    const isBranch = (page.readUInt16LE(pageAt.flags) & 1) !== 0
    for (let index = 0; index < page.readUInt16LE(pageAt.lower) / 2; index++) {
      const node = pageAt.header + page.readUInt16LE(pageAt.header + 2 * index)
      const low = page.readUInt32LE(node)
      const flags = page.readUInt16LE(node + 4)
      const data = node + 8 + page.readUInt16LE(node + 6)
      if (isBranch) walk(low + flags * 2 ** 32)
      else if ((flags & 1) === 0) addList(page.subarray(data, data + low))
      else addList(read(Number(page.readBigUInt64LE(data)), pageAt.header + low).subarray(pageAt.header))
    }
  }
  try {
    if (root !== noPage) walk(Number(root))
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
  for (let page = from; page <= to; page++) if (!free.has(page)) return false
  return true
}

/** Pages that are missing, and the root of the tree of free pages. */
interface FreePages {
  readonly pageSize: number
  /** First and last number. */
  readonly from: number
  readonly to: number
  readonly root: bigint
}

/**
 * Whether a new process can write to an environment and flush it, which shows that no other process holds its lock. Waits while
 * another one does. The new process is never killed: that could lose the environment for others.
 */
export function canBeWritten(folder: string): Promise<boolean> {
  const script = `
    const { open } = await import(${JSON.stringify(import.meta.resolve('lmdb'))})
    const root = open({ path: ${JSON.stringify(folder)}, maxDbs: 8, noSubdir: false, eventTurnBatching: false })
    await root.transaction(() => {})
    root.sync(error => process.exit(error ? 1 : 0))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })
  child.unref()
  return new Promise(resolve => {
    child.once('error', () => resolve(false))
    child.once('exit', code => resolve(code === 0))
  })
}
