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

/** Braces and strings; a string that a colon follows is a key. */
const bracesAndStrings = /[{}]|("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?/g

/** Refuses JSON with two equal keys in an object, of which JSON.parse keeps the last silently. `text` must be valid JSON. */
export function refuseDuplicateKeys(text: string, origin: string, code: ErrorCode): void {
  const open: Set<string>[] = []
  for (const { 0: token, 1: string, 2: colon, index } of text.matchAll(bracesAndStrings)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (string !== undefined && colon !== undefined) {
      const keys = open.at(-1)
      const key = JSON.parse(string)
      if (keys?.has(key)) {
        const line = text.slice(0, index).split('\n').length
        refuserOf(`${origin}, line ${line}`, code)(`${string} occurs twice; keep one of them`)
      }
      keys?.add(key)
    }
  }
}
