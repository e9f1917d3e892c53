import type { FastifyInstance, FastifySchema } from 'fastify'
import { HieraxError, shown } from '../../errors.ts'
import type { EventHub } from '../events.ts'
import type { ModelView, ServicePorts } from '../ports.ts'
import { json, ref, responses } from '../schemas.ts'

/** Longest object id that is asked for: as long as the decoder lets one be. */
const maxObjectId = 128
const maxRecent = 1000

/** What is known of objects and models, and what is being published. */
export function addApiRoutes(app: FastifyInstance, ports: ServicePorts, hub: EventHub): void {
  app.get<{ Params: { objectId: string } }>(
    '/api/v1/objects/:objectId',
    { schema: objectSchema },
    async ({ params: { objectId } }) => {
      const object = await ports.object(objectId)
      if (object === null) throw new HieraxError('OBJECT_NOT_FOUND', `no alert of ${shown(objectId)} was seen`)
      return object
    }
  )

  app.get<{ Querystring: { model?: string } }>(
    '/api/v1/taxonomy',
    { schema: taxonomySchema },
    async ({ query: { model: name } }) => {
      const models = ports.models()
      const model = name === undefined ? models[0] : models.find(candidate => candidate.name === name)
      if (model) return taxonomyOf(model)
      const names = models.map(candidate => candidate.name).join(', ')
      throw new HieraxError('REQUEST_INVALID', `no model is named ${shown(name)}; there is ${names}`)
    }
  )

  app.get('/api/v1/model', { schema: modelSchema }, async () => {
    const models = ports.models().map(provenanceOf)
    return { ...models[0], models }
  })

  app.get<{ Querystring: { limit: number } }>(
    '/api/v1/recent',
    { schema: recentSchema },
    async ({ query: { limit } }) => ports.recent(limit)
  )

  app.get('/api/v1/events', { schema: eventsSchema, exposeHeadRoute: false }, async (_request, reply) =>
    reply
      .type('text/event-stream; charset=utf-8')
      // Proxies must not wait until there is more.
      .header('x-accel-buffering', 'no')
      .send(hub.open())
  )

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

function provenanceOf({ name, version, sha256, taxonomy, taxonomyVersion, runtime, nodes }: ModelView) {
  return { name, version, sha256, taxonomy, taxonomyVersion, runtime, nodes: nodes.length }
}

const noQuery = { type: 'object', properties: {}, additionalProperties: false }

const objectSchema: FastifySchema = {
  tags: ['objects'],
  summary: 'Light curve and answer of an object',
  params: {
    type: 'object',
    required: ['objectId'],
    properties: {
      objectId: {
        type: 'string',
        minLength: 1,
        maxLength: maxObjectId,
        description: 'ZTF object',
        examples: ['ZTF20aaelulu']
      }
    }
  },
  querystring: noQuery,
  response: responses(json(ref('Object')), 'What is known of it', 400, 401, 404, 503)
}

const taxonomySchema: FastifySchema = {
  tags: ['models'],
  summary: 'Taxonomy of a model',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      model: { type: 'string', maxLength: 200, description: 'name of the model; the first one where it is left out' }
    }
  },
  response: responses(json(ref('Taxonomy')), 'Nodes and parents', 400, 401)
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
      limit: { type: 'integer', minimum: 1, maximum: maxRecent, default: 50, description: 'at most so many' }
    }
  },
  response: responses(json({ type: 'array', items: ref('Classification') }), 'Classifications', 400, 401)
}

const eventsSchema: FastifySchema = {
  tags: ['objects'],
  summary: 'Classifications as they are published (server-sent events)',
  description:
    'One event `classification` each, its data the classification as JSON. A client that reads too slowly misses some: ' +
    'an event `dropped` tells how many (`{"count": n}`). Who needs every one reads the Kafka topic.',
  querystring: noQuery,
  response: responses({ content: { 'text/event-stream': { schema: { type: 'string' } } } }, 'Events', 400, 401, 503)
}
