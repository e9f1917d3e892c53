import fs from 'node:fs'

/**
 * Throws unless a path that a user named leads to a regular file: reading a FIFO or a device may wait without end. The error has the code
 * of the system, such as ENOENT, if nothing is known of the path.
 */
export function checkRegular(file: string): void {
  const found = fs.statSync(file)
  if (found.isFile()) return
  const kind = found.isDirectory() ? 'a folder' : found.isFIFO() ? 'a FIFO' : found.isSocket() ? 'a socket' : 'a device'
  throw new Error(`it is ${kind}, not a regular file`)
}

/** The bytes of a file that a user named. Throws as {@link checkRegular}, and if it can't be read. */
export function readRegular(file: string): Buffer {
  checkRegular(file)
  return fs.readFileSync(file)
}

/** Why a file can't be read, in a word: the code of the system, such as ENOENT, else the message. */
export function whyUnreadable(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error))
}
