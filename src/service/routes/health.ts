import type { FastifyInstance } from 'fastify'
import * as example from '../examples.ts'
import type { ServicePorts } from '../ports.ts'
import { json } from '../schemas/answers.ts'
import { ref } from '../schemas/kinds.ts'

/** Probes and metrics: open, and counted apart by the rate limit, so that nobody's questions keep them from being asked. */
export function addHealthRoutes(app: FastifyInstance, ports: ServicePorts): void {
  const config = { open: true, rateLimit: { max: 6000, timeWindow: 60_000 } } as const
  const tags = ['operation']
  const security: never[] = []

  app.get(
    '/health/live',
    {
      config,
      schema: {
        tags,
        security,
        summary: 'Whether the process works, or waits for something outside',
        response: {
          200: { description: 'It does', ...json(ref('Liveness')) },
          503: { description: 'It is stuck: restart it', ...json(ref('Liveness'), example.stuck) }
        }
      }
    },
    async (_request, reply) => {
      const { ok, reason } = ports.liveness()
      return reply.code(ok ? 200 : 503).send({ ok, reason })
    }
  )

  app.get(
    '/health/ready',
    {
      config,
      schema: {
        tags,
        security,
        summary: 'Whether every part is ready, with a reason each',
        response: {
          200: { description: 'All are', ...json(ref('Readiness')) },
          503: { description: 'At least one is not', ...json(ref('Readiness'), example.notReady) }
        }
      }
    },
    async (_request, reply) => {
      const parts = ports.readiness()
      const ready = Object.values(parts).every(part => part.ready)
      return reply.code(ready ? 200 : 503).send({ ready, parts })
    }
  )

  app.get(
    '/metrics',
    {
      config,
      schema: {
        tags,
        security,
        summary: 'Metrics in Prometheus’s text format',
        response: {
          200: {
            description: 'Metrics',
            content: { 'text/plain': { schema: { type: 'string' }, example: 'hierax_ready{part="store"} 1\n' } }
          }
        }
      }
    },
    async (_request, reply) => {
      const text = await ports.metrics.text()
      return reply.type(ports.metrics.contentType).send(text)
    }
  )
}
