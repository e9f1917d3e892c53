import fs from 'node:fs'
import { checkSchema } from '../alerts/decoder.ts'
import { HieraxError } from '../errors.ts'
import { checkRegular } from '../regular-file.ts'

/** The Avro schema of bare records in a file, as JSON (`input.schema`). Throws CONFIG_INVALID if no alerts can be read with it. */
export function readSchema(file: string): Buffer {
  try {
    checkRegular(file)
    const schema = fs.readFileSync(file)
    checkSchema(schema)
    return schema
  } catch (cause) {
    const { message } = cause as Error
    const why =
      cause instanceof HieraxError ? message : `can't be read (${(cause as NodeJS.ErrnoException).code ?? message})`
    throw new HieraxError('CONFIG_INVALID', `input.schema: the file ${file}: ${why}`, { cause })
  }
}
