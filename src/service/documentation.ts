import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import * as example from './examples.ts'
import { type ComponentName, componentSchemas } from './openapi.ts'

const examples: Readonly<Record<ComponentName, object>> = {
  Problem: example.problem,
  Classification: example.classification,
  Object: example.object,
  History: example.history,
  Statistics: example.statistics,
  Disagreements: example.disagreements,
  Taxonomy: example.taxonomy,
  Model: example.model,
  Readiness: example.readiness,
  Liveness: example.liveness
}

/** JSON schemas that routes refer to by name, with an example each. */
export const sharedSchemas = componentSchemas().map(schema => ({
  ...schema,
  examples: [examples[schema.$id as ComponentName]] as unknown[]
}))

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
