import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { classificationSchema } from '../messages/classification.ts'
import * as example from './examples.ts'
import { problemOf } from './problems.ts'
import * as answer from './schemas.ts'

/* The OpenAPI document: JSON schemas of the answers with an example each, and what a route says of its answers. */

const components = z.registry<{ id: string }>()

/** Answers by their name in the document. */
const named = {
  Problem: [answer.problem, example.problem],
  Classification: [classificationSchema, example.classification],
  Object: [answer.object, example.object],
  History: [answer.history, example.history],
  Statistics: [answer.statistics, example.statistics],
  Taxonomy: [answer.taxonomy, example.taxonomy],
  Model: [answer.model, example.model],
  Readiness: [answer.readiness, example.readiness],
  Liveness: [answer.liveness, example.liveness]
} as const

for (const [id, [schema]] of Object.entries(named)) components.add(schema, { id })

/** JSON schemas that routes refer to by name. */
export const sharedSchemas = Object.entries(
  z.toJSONSchema(components, { target: 'draft-7', uri: id => `${id}#`, override }).schemas
).map(([$id, { $schema: _, ...schema }]) => ({
  ...schema,
  $id,
  examples: [named[$id as keyof typeof named][1]] as unknown[]
}))

/** The JSON schema of a route's parameters. */
export function parameters(schema: z.ZodObject): object {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', override })
  return json
}

/** Leaves out what is implied: bounds of the number formats, names that are strings, and defaults, which are for Avro's readers. */
function override({ jsonSchema: schema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const implied = (bound: number | undefined) => schema.type === 'integer' && Math.abs(bound ?? 0) >= 2 ** 31 - 1
  if (implied(schema.minimum)) delete schema.minimum
  if (implied(schema.maximum)) delete schema.maximum
  if (typeof schema.propertyNames === 'object' && !schema.propertyNames.enum) delete schema.propertyNames
  if (Array.isArray(schema.default)) delete schema.default
}

export const ref = (id: keyof typeof named) => ({ $ref: `${id}#` })

/** JSON content, with an example where the schema's own does not fit. */
export function json(schema: object, example?: unknown): object {
  return { content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } } }
}

/** Text content of a media type. */
export function plainText(type: string, example: string): object {
  return { content: { [type]: { schema: { type: 'string' }, example } } }
}

/** Answers of a route: the good one, and problems for the statuses named. */
export function responses(good: object, description: string, ...statuses: number[]): Record<string, object> {
  const problems = [...statuses, 429, 500].map(status => {
    const [description, code, detail] = problemsByStatus[status] as (typeof problemsByStatus)[number]
    const content = { schema: ref('Problem'), example: problemOf(code, status, detail) }
    return [status, { description, content: { 'application/problem+json': content } }]
  })
  return { 200: { description, ...good }, ...Object.fromEntries(problems) }
}

const problemsByStatus: Record<number, readonly [description: string, code: ErrorCode, detail: string]> = {
  400: ['A parameter is not valid', 'REQUEST_INVALID', 'querystring must NOT have additional properties'],
  401: ['The token is missing or wrong', 'UNAUTHORIZED', 'a token is needed'],
  404: ['Nothing is known of it', 'OBJECT_NOT_FOUND', 'no alert of "ZTF20aaaaaaa" was seen'],
  429: ['Too many requests', 'TOO_MANY_REQUESTS', 'more than 3000 requests in a minute; ask again in 12 seconds'],
  500: ['An internal error; the log has the details', 'INTERNAL', 'something unexpected happened; the log says more'],
  503: ['Not possible now', 'STORE_FAILED', 'the store does not answer']
}
