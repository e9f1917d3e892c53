import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import * as example from '../examples.ts'
import { acceptOf, filterParameters, modelNamed, modelParameter } from '../filter.ts'
import { json, noQuery, parameters, ref, responses } from '../openapi.ts'
import type { ServicePorts } from '../ports.ts'
import type { ModelProvenance, ModelsView, ModelView, TaxonomyView } from '../schemas.ts'

const modelQuery = z.strictObject({ model: modelParameter })
const recentQuery = z.strictObject({
  limit: z.int().min(1).max(1000).default(50).describe('maximum number of classifications'),
  ...filterParameters
})

/** Models, the latest classifications, and statistics. */
export function addApiRoutes(app: FastifyInstance, ports: ServicePorts): void {
  app.get<{ Querystring: z.infer<typeof modelQuery> }>(
    '/api/v1/taxonomy',
    {
      schema: {
        tags: ['models'],
        summary: 'Taxonomy of a model',
        querystring: parameters(modelQuery),
        response: responses(json(ref('Taxonomy')), 'Nodes and parents', 400, 401, 404)
      }
    },
    async ({ query: { model } }) => taxonomyOf(modelNamed(ports.models(), model))
  )

  app.get(
    '/api/v1/model',
    {
      schema: {
        tags: ['models'],
        summary: 'The models in use',
        querystring: noQuery,
        response: responses(json(ref('Model')), 'The first model, and all under `models`', 400, 401)
      }
    },
    async () => modelsOf(ports.models())
  )

  app.get<{ Querystring: z.infer<typeof recentQuery> }>(
    '/api/v1/recent',
    {
      schema: {
        tags: ['objects'],
        summary: 'The latest classifications, newest first',
        querystring: parameters(recentQuery),
        response: responses(
          json({ type: 'array', items: ref('Classification') }, [example.classification]),
          'Classifications',
          ...[400, 401, 404]
        )
      }
    },
    async ({ query: { limit, ...filter } }) => ports.recent(limit, acceptOf(filter, ports.models()) ?? undefined)
  )

  app.get(
    '/api/v1/statistics',
    {
      schema: {
        tags: ['operation'],
        summary: 'Counts since the start, and of the last minute',
        querystring: noQuery,
        response: responses(json(ref('Statistics')), 'Statistics', 400, 401)
      }
    },
    async () => ports.statistics()
  )

  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}

function taxonomyOf({ name: model, taxonomy, taxonomyVersion, root, nodes }: ModelView): TaxonomyView {
  return {
    name: taxonomy,
    version: taxonomyVersion,
    model,
    root,
    nodes: nodes.map(({ name, parent, description }) => ({
      name,
      parent: parent === root ? null : parent,
      ...(description === undefined ? {} : { description })
    }))
  }
}

function modelsOf(views: readonly ModelView[]): ModelsView {
  const models = views.map(
    ({ name, version, sha256, taxonomy, taxonomyVersion, runtime, nodes, population }): ModelProvenance => ({
      ...{ name, version, sha256, taxonomy, taxonomyVersion, runtime, nodes: nodes.length, population }
    })
  )
  return { ...(models[0] as ModelProvenance), models }
}
