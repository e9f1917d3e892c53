import type { FastifyInstance, FastifySchema } from 'fastify'
import type { EventHub } from '../events.ts'
import * as example from '../examples.ts'
import { acceptOf, type ClassificationFilter, filterParameters } from '../filter.ts'
import type { ServicePorts } from '../ports.ts'
import { responses } from '../schemas/answers.ts'

/** Query of the event stream. */
interface EventQuery extends ClassificationFilter {
  readonly sample?: number
  readonly follow?: string
  readonly statistics?: number
}

/** What is being published, as it happens. */
export function addEventRoutes(app: FastifyInstance, ports: ServicePorts, hub: EventHub): void {
  app.get<{ Querystring: EventQuery }>(
    '/api/v1/events',
    { schema: eventsSchema, exposeHeadRoute: false },
    async ({ query: { sample, follow, statistics, ...filter } }, reply) => {
      const accept = acceptOf(filter, ports.models())
      const wish = { accept, sample: sample ?? null, follow: follow ?? null, statistics: statistics ?? null }
      return (
        reply
          .type('text/event-stream; charset=utf-8')
          // Proxies must not wait until there is more.
          .header('x-accel-buffering', 'no')
          .send(hub.open(wish))
      )
    }
  )
}

const eventsSchema: FastifySchema = {
  tags: ['objects'],
  summary: 'Classifications as they are published (server-sent events)',
  description:
    'One event `classification` each, its data the classification as JSON. A client that reads too slowly misses some: ' +
    'an event `dropped` tells how many (`{"count": n}`). Who needs every one reads the Kafka topic. With `sample` at most ' +
    'so many a second are sent, chosen evenly. With `follow` those of one object come as events `followed` besides. With ' +
    '`statistics` an event of that name tells every so many seconds what `/api/v1/statistics` says, and how many ' +
    'classifications were published, accepted by the filter and sent since the last one.',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      sample: { type: 'number', minimum: 0.1, maximum: 1000, description: 'at most so many a second' },
      follow: { type: 'string', minLength: 1, maxLength: 128, description: 'id of an object' },
      statistics: { type: 'number', minimum: 0.5, maximum: 3600, description: 'seconds between two of them' },
      ...filterParameters
    }
  },
  response: responses(
    { content: { 'text/event-stream': { schema: { type: 'string' }, example: example.event } } },
    'Events',
    400,
    401,
    404,
    503
  )
}
