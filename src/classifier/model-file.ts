import { z } from 'zod'
import { HieraxError } from '../errors.ts'

/** Refuses a file of a model: throws an error that names the file. */
export type Refuse = (problem: string, cause?: unknown) => never

/** A `Refuse` for a file; `origin` names it. */
export function refuserOf(origin: string, code: 'MODEL_INVALID' | 'TAXONOMY_INVALID' = 'MODEL_INVALID'): Refuse {
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
