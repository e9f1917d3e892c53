import { z } from 'zod'
import { type ErrorCode, HieraxError, shown } from '../../errors.ts'
import { jsonOf, TextError, utf8Text } from '../../text.ts'

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
  return parsed.success ? parsed.data : refuse(describeIssues(parsed.error))
}

/** Problems that are listed. */
const listed = 3

/** What is wrong with JSON, by field: `field nodes[0].name: it is missing`. */
export function describeIssues({ issues }: z.ZodError): string {
  const texts = issues.slice(0, listed).map(issue => {
    const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] as string] : issue.path
    const field = fieldName(path)
    return field === '' ? problemOf(issue) : `field ${field}: ${problemOf(issue)}`
  })
  const more = issues.length - listed
  return `${texts.join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}

/** What is wrong with a value, in words. */
export function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return 'it is unknown'
  if (issue.code === 'invalid_key') return 'its name is not valid'
  if (issue.code === 'invalid_union' && issue.errors.length > 0 && issue.message === 'Invalid input') {
    return [...new Set(issue.errors.flatMap(([first]) => (first === undefined ? [] : [problemOf(first)])))].join(
      ', or '
    )
  }
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) return 'it is missing'
  return issue.message.replace(/^Invalid (input|option|string): /, '')
}

/** A path in JSON as people write it: `nodes[0].name`, `files["a.bin"]`. */
export function fieldName(path: readonly PropertyKey[]): string {
  const parts = path.map((part, at) => {
    if (typeof part === 'number') return `[${part}]`
    const name = String(part)
    return /^[\w-]+$/.test(name) ? `${at > 0 ? '.' : ''}${name}` : `[${shown(name)}]`
  })
  return parts.join('')
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
