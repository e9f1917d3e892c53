import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { StoreTrouble } from '../store.ts'

/** Free bytes below which nothing is written: a commit of LMDB that fails prints to standard error from native code. */
const keptFree = 16 * 1024 * 1024

/** The same as a share of a small disk. */
const keptShare = 1 / 16

/** Size of the file that shows whether a disk takes writes again: about a small batch. */
const probeBytes = 256 * 1024

/** The disk of an embedded store. */
export class Disk {
  readonly #folder: string
  #refused = false

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Throws if the disk can't take a write: it has no room, or refused the last one and refuses another. */
  check(): void {
    const { bavail, bsize, blocks } = fs.statfsSync(this.#folder)
    const free = bavail * bsize
    const kept = Math.min(keptFree, Math.floor(blocks * bsize * keptShare))
    if (free < kept) {
      const message = `No space left on device: ${free} bytes are free, and the store leaves ${kept} free`
      throw Object.assign(new Error(message), { code: 'ENOSPC' })
    }
    if (this.#refused) this.#probe()
    this.#refused = false
  }

  /** A write failed. Only errors of the disk count. */
  failed(error: unknown): void {
    this.#refused = diskTrouble(error) !== null
  }

  #probe(): void {
    const file = path.join(this.#folder, `probe-${process.pid}`)
    try {
      fs.writeFileSync(file, Buffer.alloc(probeBytes))
    } finally {
      fs.rmSync(file, { force: true })
    }
  }
}

const troubles: Readonly<Record<string, StoreTrouble>> = {
  ENOSPC: 'writes fail: no space left',
  EDQUOT: 'writes fail: disk quota exceeded',
  EFBIG: 'writes fail: file too large',
  EROFS: 'writes fail: read-only file system',
  EACCES: 'writes fail: permission denied',
  EPERM: 'writes fail: permission denied',
  EIO: 'writes fail: input/output error'
}

/** What is wrong with the disk, by an error of Node or of LMDB or by what caused it; null for any other error. */
export function diskTrouble(thrown: unknown): StoreTrouble | null {
  if (!(thrown instanceof Error)) return null
  const { code } = thrown as { code?: unknown }
  // LMDB gives the number of an error.
  const [name = code] = Object.entries(os.constants.errno).find(([, number]) => number === code) ?? []
  return troubles[String(name)] ?? diskTrouble(thrown.cause)
}
