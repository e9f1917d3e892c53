import { z } from 'zod'
import { type ErrorCode, HieraxError } from '../errors.ts'
import { jsonOf, TextError, utf8Text } from '../text.ts'

/** Refuses a file of a model: throws an error that names the file, and the line if it is known. */
export type Refuse = (problem: string, cause?: unknown, line?: number | null) => never

/** A `Refuse` for a file; `origin` names it. */
export function refuserOf(origin: string, code: ErrorCode = 'MODEL_INVALID'): Refuse {
  return (problem, cause, line = null) => {
    const where = line === null ? origin : `${origin}, line ${line}`
    throw new HieraxError(code, `${where}: ${problem}`, cause === undefined ? {} : { cause })
  }
}

/** The name of a node: names are compared in the Unicode normalisation form NFC, whatever form a file has. */
export const nodeName = z.string().normalize('NFC')

/** The content of a JSON file in its checked shape. Refuses two equal keys in an object. */
export function parseJson<Shape extends z.ZodType>(text: string, shape: Shape, refuse: Refuse): z.infer<Shape> {
  return inShape(
    readOrRefuse(() => jsonOf(text), refuse),
    shape,
    refuse
  )
}

/** A value of a JSON file in its checked shape. */
export function inShape<Shape extends z.ZodType>(value: unknown, shape: Shape, refuse: Refuse): z.infer<Shape> {
  const parsed = shape.safeParse(value)
  return parsed.success ? parsed.data : refuse(z.prettifyError(parsed.error).replaceAll('\n', ' '))
}

/** The text of a file. Refuses bytes that are not UTF-8. */
export function textOf(bytes: Uint8Array, refuse: Refuse): string {
  return readOrRefuse(() => utf8Text(bytes), refuse)
}

function readOrRefuse<T>(read: () => T, refuse: Refuse): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof TextError)) throw error
    return refuse(error.message, error, error.line)
  }
}
