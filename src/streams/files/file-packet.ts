import { HieraxError } from '../../errors.ts'

/** One packet from disk, or why there is none at this path. */
export type FilePacket =
  | { readonly path: string; readonly bytes: Uint8Array; readonly error: null }
  | { readonly path: string; readonly bytes: null; readonly error: HieraxError }

/** The error for a file or member longer than what is read. */
export function tooLarge(path: string, maximum: number): HieraxError {
  return new HieraxError('FILE_TOO_LARGE', `${path} is longer than ${maximum} bytes`)
}
