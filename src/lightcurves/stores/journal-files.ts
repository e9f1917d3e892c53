import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { HieraxError } from '../../errors.ts'
import type { Journal } from '../journal.ts'

/** A note is overwritten in place: it must survive the end of the process, not that of the machine. */
const noteBytes = 4096

/** Notes of partitions that were not written for this time (ms) are removed, because every night has new partitions. */
const kept = 30 * 86_400_000

/** The longest name of a file, bytes; most file systems take 255. */
const longestName = 200

/**
 * A journal in small files, one for each partition. Writes take a few microseconds and are not flushed. So a note survives a crash of the
 * process. After a power failure, a note may be lost together with its batch.
 */
export class JournalFiles implements Journal {
  readonly #folder: string
  readonly ready: () => Promise<void>

  constructor(folder: string, ready: () => Promise<void> = async () => {}) {
    this.#folder = folder
    this.ready = ready
    try {
      for (const name of fs.readdirSync(folder)) {
        const file = path.join(folder, name)
        if (Date.now() - fs.statSync(file).mtimeMs > kept) fs.rmSync(file)
      }
    } catch {
      // Not there yet, or another process was quicker.
    }
  }

  async read(partition: string): Promise<string | null> {
    try {
      return fs.readFileSync(this.#file(partition), 'utf8').trimEnd()
    } catch {
      return null
    }
  }

  async write(partition: string, note: string): Promise<void> {
    const file = this.#file(partition)
    try {
      const descriptor = this.#open(file)
      try {
        fs.writeSync(descriptor, Buffer.from(note.padEnd(noteBytes)), 0, noteBytes, 0)
      } finally {
        fs.closeSync(descriptor)
      }
    } catch (cause) {
      throw new HieraxError('STORE_FAILED', `The journal ${file} can't be written: ${(cause as Error).message}`, {
        cause
      })
    }
  }

  #open(file: string): number {
    const flags = fs.constants.O_WRONLY | fs.constants.O_CREAT
    try {
      return fs.openSync(file, flags)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      // Not an error where another process was quicker; its parents are those of the store, and there.
      fs.mkdirSync(this.#folder, { recursive: true })
      return fs.openSync(file, flags)
    }
  }

  #file(partition: string): string {
    const name = encodeURIComponent(partition)
    if (name.length <= longestName) return path.join(this.#folder, name)
    // Groups and topics may have 249 characters each, of up to nine bytes when encoded.
    const digest = createHash('sha256').update(partition).digest('hex')
    return path.join(this.#folder, `${name.slice(0, longestName - digest.length - 1)}.${digest}`)
  }
}
