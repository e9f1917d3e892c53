import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { classificationSchema } from '../messages/classification.ts'
import { problem, problemOf } from './problems.ts'
import * as answer from './schemas.ts'

/* What a route says of its parameters and answers in the OpenAPI document. */

/** Schemas by their name in the document. */
export const components = {
  Problem: problem,
  Classification: classificationSchema,
  Object: answer.object,
  History: answer.history,
  Statistics: answer.statistics,
  Disagreements: answer.disagreements,
  Taxonomy: answer.taxonomy,
  Model: answer.model,
  Readiness: answer.readiness,
  Liveness: answer.liveness
} as const

export type ComponentName = keyof typeof components

export const ref = (name: ComponentName) => ({ $ref: `${name}#` })

/** JSON schemas of the components; each has the name as its `$id`. */
export function componentSchemas(): { readonly $id: string }[] {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(components)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, { target: 'draft-7', uri: id => `${id}#`, override: withoutDefaults })
  return Object.entries(schemas).map(([$id, { $schema: _, ...schema }]) => ({ ...schema, $id }))
}

/** The JSON schema of a route's parameters. */
export function parameters(schema: z.ZodObject): object {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', override })
  return json
}

/** The query of a route without parameters: any is refused. */
export const noQuery = parameters(z.strictObject({}))

type Override = NonNullable<z.core.ToJSONSchemaParams['override']>

/** Removes redundant parts, and defaults, which only Avro readers of a message need. */
const withoutDefaults: Override = context => {
  override(context)
  delete context.jsonSchema.default
}

/** Removes redundant parts: bounds of the number formats, string property names. */
function override({ jsonSchema: schema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const implied = (bound: number | undefined) => schema.type === 'integer' && Math.abs(bound ?? 0) >= 2 ** 31 - 1
  if (implied(schema.minimum)) delete schema.minimum
  if (implied(schema.maximum)) delete schema.maximum
  if (typeof schema.propertyNames === 'object' && !schema.propertyNames.enum) delete schema.propertyNames
}

/** JSON content, with an example if that of the schema does not apply. */
export function json(schema: object, example?: unknown): object {
  return { content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } } }
}

/** Text content of a media type. */
export function plainText(type: string, example: string): object {
  return { content: { [type]: { schema: { type: 'string' }, example } } }
}

/** Responses of a route: success, and problems for the given statuses. */
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
  401: ['The token is missing or wrong', 'UNAUTHORIZED', 'a token is required'],
  404: ['Not found', 'OBJECT_NOT_FOUND', 'no alert of "ZTF20aaaaaaa" was received'],
  422: ['The image is damaged', 'CUTOUT_INVALID', 'the image cannot be read: it ends before its last pixel'],
  429: ['Too many requests', 'TOO_MANY_REQUESTS', 'more than 3000 requests in a minute; retry in 12 seconds'],
  500: ['An internal error; the log has the details', 'INTERNAL', 'an unexpected error; the log has the details'],
  503: ['Temporarily unavailable', 'STORE_FAILED', 'the store does not answer']
}
