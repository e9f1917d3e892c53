import type { FastifyInstance, FastifySchema } from 'fastify'
import { HieraxError, shown } from '../../errors.ts'
import { modelNamed, modelParameter } from '../choose-model.ts'
import * as example from '../examples.ts'
import { acceptOf, type ClassificationFilter, filterParameters } from '../filter.ts'
import type { ModelView, ServicePorts } from '../ports.ts'
import { json, responses } from '../schemas/answers.ts'
import { ref } from '../schemas/kinds.ts'
import { objectParameters } from '../schemas/objects.ts'

const maxRecent = 1000

/** What is known of objects and models, and what was published. */
export function addApiRoutes(app: FastifyInstance, ports: ServicePorts): void {
  app.get<{ Params: { objectId: string }; Querystring: { model?: string } }>(
    '/api/v1/objects/:objectId',
    { schema: objectSchema },
    async ({ params: { objectId }, query: { model } }) => {
      const object = await ports.object(objectId, modelNamed(ports.models(), model).sha256)
      if (object === null) throw new HieraxError('OBJECT_NOT_FOUND', `no alert of ${shown(objectId)} was seen`)
      return object
    }
  )

  app.get<{ Params: { objectId: string }; Querystring: { model?: string; limit: number } }>(
    '/api/v1/objects/:objectId/history',
    { schema: historySchema },
    async ({ params: { objectId }, query: { model, limit } }) => {
      const history = await ports.history(objectId, { model: modelNamed(ports.models(), model).sha256, limit })
      if (history === null) throw new HieraxError('OBJECT_NOT_FOUND', `no alert of ${shown(objectId)} was seen`)
      return history
    }
  )

  app.get<{ Querystring: { model?: string } }>(
    '/api/v1/taxonomy',
    { schema: taxonomySchema },
    async ({ query: { model } }) => taxonomyOf(modelNamed(ports.models(), model))
  )

  app.get('/api/v1/model', { schema: modelSchema }, async () => {
    const models = ports.models().map(provenanceOf)
    return { ...models[0], models }
  })

  app.get<{ Querystring: { limit: number } & ClassificationFilter }>(
    '/api/v1/recent',
    { schema: recentSchema },
    async ({ query: { limit, ...filter } }) => ports.recent(limit, acceptOf(filter, ports.models()) ?? undefined)
  )

  app.get('/api/v1/statistics', { schema: statisticsSchema }, async () => ports.statistics())

  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}

function taxonomyOf({ name: model, taxonomy, taxonomyVersion, root, nodes }: ModelView) {
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

function provenanceOf({ name, version, sha256, taxonomy, taxonomyVersion, runtime, nodes, population }: ModelView) {
  return { name, version, sha256, taxonomy, taxonomyVersion, runtime, nodes: nodes.length, population }
}

const noQuery = { type: 'object', properties: {}, additionalProperties: false }

const objectSchema: FastifySchema = {
  tags: ['objects'],
  summary: 'Light curve and answer of an object',
  params: objectParameters,
  querystring: { type: 'object', additionalProperties: false, properties: { model: modelParameter } },
  response: responses(json(ref('Object')), 'What is known of it', 400, 401, 404, 503)
}

const historySchema: FastifySchema = {
  tags: ['objects'],
  summary: 'How the probabilities of an object came about',
  description:
    'What the model says at the time of every detection, computed on the light curve as it is known now, each on the ' +
    'points up to its time. Whether the alert of a detection was admitted plays no part.',
  params: objectParameters,
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      model: modelParameter,
      limit: {
        type: 'integer',
        minimum: 2,
        maximum: 2000,
        default: 300,
        description: 'at most so many moments, evenly chosen; the first and the last are always among them'
      }
    }
  },
  response: responses(json(ref('History')), 'Probabilities of every node, in time order', 400, 401, 404, 503)
}

const taxonomySchema: FastifySchema = {
  tags: ['models'],
  summary: 'Taxonomy of a model',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: { model: modelParameter }
  },
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
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      limit: { type: 'integer', minimum: 1, maximum: maxRecent, default: 50, description: 'at most so many' },
      ...filterParameters
    }
  },
  response: responses(
    json({ type: 'array', items: ref('Classification') }, [example.classification]),
    'Classifications',
    400,
    401,
    404
  )
}

const statisticsSchema: FastifySchema = {
  tags: ['operation'],
  summary: 'Counts since the start, and the last minute of answers',
  querystring: noQuery,
  response: responses(json(ref('Statistics')), 'Statistics', 400, 401)
}
