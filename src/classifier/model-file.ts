import { parseDocument } from 'yaml'
import { z } from 'zod'
import { type ErrorCode, HieraxError } from '../errors.ts'

/** Refuses a file of a model: throws an error that names the file. */
export type Refuse = (problem: string, cause?: unknown) => never

/** A `Refuse` for a file; `origin` names it. */
export function refuserOf(origin: string, code: ErrorCode = 'MODEL_INVALID'): Refuse {
  return (problem, cause) => {
    throw new HieraxError(code, `${origin}: ${problem}`, cause === undefined ? {} : { cause })
  }
}

/** The content of a JSON file in its checked shape. */
export function parseJson<Shape extends z.ZodType>(text: string, shape: Shape, refuse: Refuse): z.infer<Shape> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    refuse(`not JSON: ${(cause as Error).message}`, cause)
  }
  const parsed = shape.safeParse(value)
  return parsed.success ? parsed.data : refuse(z.prettifyError(parsed.error).replaceAll('\n', ' '))
}

/** Refuses JSON with two equal keys in an object, of which JSON.parse keeps the last silently. */
export function refuseDuplicateKeys(text: string, origin: string, code: ErrorCode): void {
  const { errors } = parseDocument(text, { schema: 'json', uniqueKeys: true })
  const duplicate = errors.find(({ code }) => code === 'DUPLICATE_KEY')
  if (duplicate === undefined) return
  const line = duplicate.linePos?.[0].line ?? 0
  const key = text.slice(duplicate.pos[0]).match(/^"(?:[^"\\]|\\.)*"/)?.[0] ?? 'a key'
  refuserOf(`${origin}, line ${line}`, code)(`${key} occurs twice; keep one of them`)
}
