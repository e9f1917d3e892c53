import { problemOf } from 'hierax/classifier/model/model-file.ts'
import { shown } from 'hierax/errors.ts'
import { z } from 'zod'
import { invalidLine, type JsonLine } from '../light-curves/json-lines.ts'

const text = z.string().min(1)
const digitsOnly = 'must be digits, as text: JSON numbers of that size lose digits'
const nullable = <T extends z.ZodType>(shape: T) => shape.nullish().transform(value => value ?? null)

/**
 * A line: what is known of an alert, or of all alerts of an object where `candid` is null. `file` is a packet file or folder,
 * relative to the file of the line. Other fields are ignored.
 */
const line = z
  .object({
    objectId: text,
    /** Digits as text: a JSON number would lose some. */
    candid: nullable(
      z.union([z.string().regex(/^\d{1,19}$/, digitsOnly), z.int(digitsOnly)], digitsOnly).transform(String)
    ),
    label: nullable(z.string()),
    group: nullable(z.string()),
    weak: nullable(z.boolean()),
    conflict: nullable(z.boolean()),
    night: nullable(z.string()),
    file: nullable(text)
  })
  // A label that is not certain is not fitted to.
  .transform(({ weak, conflict, ...rest }) => ({ ...rest, doubtful: weak === true || conflict === true }))

/** A line, with its file and number for errors. */
export type AlertLine = z.infer<typeof line> & Pick<JsonLine, 'where'>

/** Checks a line of a file about alerts. Throws DATA_INVALID by line and field. */
export function parseLine({ value, where }: JsonLine): AlertLine {
  const parsed = line.safeParse(value)
  if (parsed.success) return { ...parsed.data, where }
  const [issue] = parsed.error.issues
  const field = String(issue?.path[0] ?? '')
  const problem = issue === undefined ? 'it is not valid' : problemOf(issue)
  if (field === '') throw invalidLine(where, '', problem)
  const got = shown((value as Record<string, unknown> | null)?.[field])
  throw invalidLine(where, field, got === 'undefined' ? problem : `${problem}, it is ${got}`)
}
