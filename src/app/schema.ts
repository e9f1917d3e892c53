import { checkSchema } from '../alerts/decoder.ts'
import { HieraxError } from '../errors.ts'
import { readRegular, whyUnreadable } from '../regular-file.ts'

/** The Avro schema of bare records in a file, as JSON (`input.schema`). Throws CONFIG_INVALID if no alerts can be read with it. */
export function readSchema(file: string): Buffer {
  try {
    const schema = readRegular(file)
    checkSchema(schema)
    return schema
  } catch (cause) {
    const why = cause instanceof HieraxError ? cause.message : `can't be read (${whyUnreadable(cause)})`
    throw new HieraxError('CONFIG_INVALID', `input.schema: the file ${file}: ${why}`, { cause })
  }
}
