import { HieraxError } from 'hierax/errors.ts'

/** The first bytes of a gzip file. */
export const gzipMagic: Buffer = Buffer.from([0x1f, 0x8b])

/**
 * Why a file of data could not be read to its end: INPUT_NOT_FOUND if it could not be opened or read, DATA_INVALID if it is a damaged gzip
 * file. `lines` is the number of lines before the fault, where that is known.
 */
export function fileFault(file: string, cause: unknown, lines = 0): HieraxError {
  const { code = '', message } = cause as NodeJS.ErrnoException
  if (!code.startsWith('Z_')) {
    const reason = code === 'ENOENT' ? 'does not exist' : `can't be read (${code || message})`
    return new HieraxError('INPUT_NOT_FOUND', `${file} ${reason}`, { cause })
  }
  const after = lines > 0 ? ` after line ${lines}` : ''
  const fault =
    message === 'incorrect header check'
      ? 'its name ends in .gz, but it is not compressed by gzip; rename it, or compress it'
      : message === 'unexpected end of file'
        ? `the gzip file is cut off${after}; download or compress it again`
        : `the gzip file is damaged${after} (${message}); download or compress it again`
  return new HieraxError('DATA_INVALID', `${file}: ${fault}`, { cause })
}
