import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ErrorCode } from '../../errors.ts'
import { classificationSchema } from '../../messages/classification.ts'
import * as example from './examples.ts'
import { problem, problemOf } from './problems.ts'
import * as response from './schemas.ts'

/* The OpenAPI document, and what a route says in it of its parameters and responses. */

/** Schemas by their name in the document, with an example each. */
const components = {
  Problem: [problem, example.problem],
  Classification: [classificationSchema, example.classification],
  Object: [response.object, example.object],
  History: [response.history, example.history],
  Statistics: [response.statistics, example.statistics],
  Disagreements: [response.disagreements, example.disagreements],
  Taxonomy: [response.taxonomy, example.taxonomy],
  Model: [response.model, example.model],
  Readiness: [response.readiness, example.readiness],
  Liveness: [response.liveness, example.liveness]
} as const

type ComponentName = keyof typeof components

export const ref = (name: ComponentName) => ({ $ref: `${name}#` })

/** JSON schemas that routes refer to by name (`$id`), with an example each. */
export const sharedSchemas = componentSchemas()

function componentSchemas() {
  const registry = z.registry<{ id: string }>()
  for (const [id, [schema]] of Object.entries(components)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, { target: 'draft-7', uri: id => `${id}#`, override: withoutDefaults })
  return Object.entries(schemas).map(([$id, { $schema: _, ...schema }]) => {
    const [, example] = components[$id as ComponentName]
    return { ...schema, $id, examples: [example] as unknown[] }
  })
}

/** The JSON schema of a route's parameters. */
export function parameters(schema: z.ZodObject): object {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', override })
  return json
}

/** The query of a route without parameters: any is refused. */
export const noQuery = parameters(z.strictObject({}))

interface Context {
  readonly jsonSchema: z.core.JSONSchema.BaseSchema
}

/** Removes redundant parts, and defaults, which only Avro readers of a message need. */
function withoutDefaults(context: Context): void {
  override(context)
  delete context.jsonSchema.default
}

/** Removes redundant parts: bounds of the number formats, string property names. */
function override({ jsonSchema: schema }: Context): void {
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

/** The OpenAPI document, and its page at `/api/docs`. */
export async function addDocumentation(app: FastifyInstance, version: string): Promise<void> {
  for (const schema of sharedSchemas) app.addSchema(schema)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Hierax',
        description:
          'Hierarchical classification of ZTF alerts: light curves, classifications, and the stream of published messages.',
        version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' }
      },
      tags: [
        { name: 'objects', description: 'Light curves and classifications' },
        { name: 'models', description: 'Models and taxonomies' },
        { name: 'operation', description: 'Probes and metrics' }
      ],
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{}, { token: [] }]
    },
    refResolver: { buildLocalReference: (schema, _base, _fragment, index) => String(schema.$id ?? `schema${index}`) }
  })
  await app.register(swaggerUi, {
    routePrefix: '/api/docs',
    uiConfig: { deepLinking: true, validatorUrl: null },
    // The documentation page has inline styles; its script is a file.
    transformStaticCSP: header =>
      header
        .replace("script-src 'self'", `script-src 'self' ${app.swaggerCSP.script.join(' ')}`)
        .replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
  })
}
