import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { acceptOf, filterParameters, modelName, modelNamed, modelParameter, modelsNamed } from '../filter.ts'
import type { ServicePorts } from '../ports.ts'
import * as example from '../schema/examples.ts'
import { json, noQuery, parameters, ref, responses } from '../schema/openapi.ts'
import type {
  DisagreementsView,
  DisagreementView,
  ModelProvenance,
  ModelsView,
  ModelView,
  TaxonomyView
} from '../schema/schemas.ts'

const modelQuery = z.strictObject({ model: modelParameter })
const recentQuery = z.strictObject({
  limit: z.int().min(1).max(1000).default(50).describe('maximum number of classifications'),
  ...filterParameters
})

const disagreementQuery = z.strictObject({
  limit: z.int().min(1).max(10_000).default(50).describe('maximum number of disagreements'),
  model: modelName
    .describe('name of a shadow model, or at least the first 8 digits of its SHA-256 (default: all)')
    .optional(),
  object: filterParameters.object,
  live: z.string().min(1).max(200).describe('node predicted by the published model').optional(),
  shadow: z.string().min(1).max(200).describe('node predicted by the shadow model').optional(),
  agreement: z.enum(['ancestor', 'different', 'incomparable']).describe('how the predictions relate').optional(),
  minProbability: z.number().min(0).max(1).describe('minimum probability of both predictions').optional(),
  since: z.number().describe('minimum Julian date of the alert').optional()
})
type DisagreementQuery = z.infer<typeof disagreementQuery>

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

  app.get<{ Querystring: DisagreementQuery }>(
    '/api/v1/disagreements',
    {
      schema: {
        tags: ['models'],
        summary: 'How shadow models differ from the published one',
        querystring: parameters(disagreementQuery),
        response: responses(json(ref('Disagreements'), example.disagreements), 'Disagreements', 400, 401, 404)
      }
    },
    async ({ query }) => disagreementsOf(ports.shadows, query)
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

function disagreementsOf(shadows: ServicePorts['shadows'], query: DisagreementQuery): DisagreementsView {
  const { limit, model, object, live, shadow, agreement, minProbability = 0, since } = query
  const chosen = new Set((model === undefined ? shadows.models : modelsNamed(shadows.models, model)).map(m => m.sha256))
  const accept = (one: DisagreementView): boolean =>
    chosen.has(one.model.sha256) &&
    (object === undefined || one.objectId.toLowerCase().includes(object.toLowerCase())) &&
    (live === undefined || one.live.node === live) &&
    (shadow === undefined || one.shadow.node === shadow) &&
    (agreement === undefined || one.agreement === agreement) &&
    [one.live, one.shadow].every(({ probability }) => (probability ?? 0) >= minProbability) &&
    (since === undefined || one.jd >= since)
  return {
    since: shadows.since,
    models: shadows.comparisons().filter(comparison => chosen.has(comparison.model.sha256)),
    disagreements: shadows.latest(limit, accept)
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
