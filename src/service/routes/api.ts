import type { FastifyInstance, FastifySchema } from 'fastify'
import { z } from 'zod'
import { HieraxError, shown } from '../../errors.ts'
import type { EventHub } from '../events.ts'
import * as example from '../examples.ts'
import { acceptOf, filterParameters, modelNamed, modelParameter } from '../filter.ts'
import { json, parameters, plainText, ref, responses } from '../openapi.ts'
import type { ModelView, ServicePorts } from '../ports.ts'
import type { ModelProvenance, ModelsView, TaxonomyView } from '../schemas.ts'

/** The parameter of routes about one object; its id is as long as the decoder allows. */
const objectParameter = z.object({
  objectId: z
    .string()
    .min(1)
    .max(128)
    .meta({ description: 'ZTF object', examples: ['ZTF20aaelulu'] })
})
export const objectParameters = parameters(objectParameter)
export type ObjectParameters = z.infer<typeof objectParameter>

export const noQuery = parameters(z.strictObject({}))
const modelQuery = z.strictObject({ model: modelParameter })
const historyQuery = z.strictObject({
  model: modelParameter,
  limit: z
    .int()
    .min(2)
    .max(2000)
    .default(300)
    .describe('at most so many moments, evenly chosen; the first and the last are always among them')
})
const recentQuery = z.strictObject({
  limit: z.int().min(1).max(1000).default(50).describe('at most so many'),
  ...filterParameters
})
const eventsQuery = z.strictObject({
  sample: z.number().min(0.1).max(1000).describe('at most so many a second').optional(),
  follow: z.string().min(1).max(128).describe('id of an object').optional(),
  statistics: z.number().min(0.5).max(3600).describe('seconds between two of them').optional(),
  ...filterParameters
})

/** Objects, models, and what is published, as JSON and as an event stream. */
export function addApiRoutes(app: FastifyInstance, ports: ServicePorts, hub: EventHub): void {
  app.get<{ Params: ObjectParameters; Querystring: z.infer<typeof modelQuery> }>(
    '/api/v1/objects/:objectId',
    { schema: objectSchema },
    async ({ params: { objectId }, query: { model } }) =>
      found(objectId, await ports.object(objectId, modelNamed(ports.models(), model).sha256))
  )

  app.get<{ Params: ObjectParameters; Querystring: z.infer<typeof historyQuery> }>(
    '/api/v1/objects/:objectId/history',
    { schema: historySchema },
    async ({ params: { objectId }, query: { model, limit } }) =>
      found(objectId, await ports.history(objectId, { model: modelNamed(ports.models(), model).sha256, limit }))
  )

  app.get<{ Querystring: z.infer<typeof modelQuery> }>(
    '/api/v1/taxonomy',
    { schema: taxonomySchema },
    async ({ query: { model } }) => taxonomyOf(modelNamed(ports.models(), model))
  )

  app.get('/api/v1/model', { schema: modelSchema }, async () => modelsOf(ports.models()))

  app.get<{ Querystring: z.infer<typeof recentQuery> }>(
    '/api/v1/recent',
    { schema: recentSchema },
    async ({ query: { limit, ...filter } }) => ports.recent(limit, acceptOf(filter, ports.models()) ?? undefined)
  )

  app.get<{ Querystring: z.infer<typeof eventsQuery> }>(
    '/api/v1/events',
    { schema: eventsSchema, exposeHeadRoute: false },
    async ({ query: { sample = null, follow = null, statistics = null, ...filter } }, reply) => {
      const accept = acceptOf(filter, ports.models())
      return (
        reply
          .type('text/event-stream; charset=utf-8')
          // Proxies must not wait until there is more.
          .header('x-accel-buffering', 'no')
          .send(hub.open({ accept, sample, follow, statistics }))
      )
    }
  )

  app.get('/api/v1/statistics', { schema: statisticsSchema }, async () => ports.statistics())

  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}

/** What was found of an object. Throws OBJECT_NOT_FOUND. */
export function found<T>(objectId: string, view: T | null): T {
  if (view === null) throw new HieraxError('OBJECT_NOT_FOUND', `no alert of ${shown(objectId)} was seen`)
  return view
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

const objectSchema: FastifySchema = {
  tags: ['objects'],
  summary: 'Light curve and current classification of an object',
  params: objectParameters,
  querystring: parameters(modelQuery),
  response: responses(json(ref('Object')), 'What is known of it', 400, 401, 404, 503)
}

const historySchema: FastifySchema = {
  tags: ['objects'],
  summary: 'How the probabilities of an object changed with its detections',
  description:
    'The model’s probabilities at the time of every detection, computed on the light curve as it is known now, each on the ' +
    'points up to its time. Whether the alert of a detection was admitted makes no difference.',
  params: objectParameters,
  querystring: parameters(historyQuery),
  response: responses(json(ref('History')), 'Probabilities of every node, in time order', 400, 401, 404, 503)
}

const taxonomySchema: FastifySchema = {
  tags: ['models'],
  summary: 'Taxonomy of a model',
  querystring: parameters(modelQuery),
  response: responses(json(ref('Taxonomy')), 'Nodes and parents', 400, 401, 404)
}

const modelSchema: FastifySchema = {
  tags: ['models'],
  summary: 'The models in use',
  querystring: noQuery,
  response: responses(json(ref('Model')), 'The first model, and all under `models`', 400, 401)
}

const recentSchema: FastifySchema = {
  tags: ['objects'],
  summary: 'The latest classifications, newest first',
  querystring: parameters(recentQuery),
  response: responses(
    json({ type: 'array', items: ref('Classification') }, [example.classification]),
    'Classifications',
    ...[400, 401, 404]
  )
}

const eventsSchema: FastifySchema = {
  tags: ['objects'],
  summary: 'Classifications as they are published (server-sent events)',
  description:
    'One event `classification` each, its data the classification as JSON. A client that reads too slowly misses some: an event ' +
    '`dropped` has their number (`{"count": n}`). To receive every one, read the Kafka topic. With `sample` at most that many a ' +
    'second are sent, evenly chosen. With `follow` those of one object are also sent as events `followed`. With `statistics` an ' +
    'event of that name is sent every so many seconds: the answer of `/api/v1/statistics`, and how many classifications were ' +
    'published, accepted by the filter and sent since the last one.',
  querystring: parameters(eventsQuery),
  response: responses(plainText('text/event-stream', example.event), 'Events', 400, 401, 404, 503)
}

const statisticsSchema: FastifySchema = {
  tags: ['operation'],
  summary: 'Counts since the start, and of the last minute',
  querystring: noQuery,
  response: responses(json(ref('Statistics')), 'Statistics', 400, 401)
}
