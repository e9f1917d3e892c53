import type { FastifyInstance } from 'fastify'
import type { ServicePorts } from '../ports.ts'
import * as example from '../schema/examples.ts'
import { json, plainText, ref } from '../schema/openapi.ts'

/** Health checks and metrics. They need no token and have a separate rate limit, so that other requests cannot block them. */
export function addHealthRoutes(app: FastifyInstance, ports: ServicePorts): void {
  const config = { open: true, rateLimit: { max: 6000, timeWindow: 60_000 } } as const
  const route = (summary: string, response: Record<string, object>) => ({
    config,
    schema: { tags: ['operation'], security: [], summary, response }
  })

  app.get(
    '/health/live',
    route('Whether the process is working, or waiting for an external system', {
      200: { description: 'It is', ...json(ref('Liveness')) },
      503: { description: 'The process is stuck: restart it', ...json(ref('Liveness'), example.stuck) }
    }),
    async (_request, reply) => {
      const { ok, reason } = ports.liveness()
      return reply.code(ok ? 200 : 503).send({ ok, reason })
    }
  )

  app.get(
    '/health/ready',
    route('Whether every part is ready, with reasons', {
      200: { description: 'All parts are ready', ...json(ref('Readiness')) },
      503: { description: 'At least one part is not ready', ...json(ref('Readiness'), example.notReady) }
    }),
    async (_request, reply) => {
      const parts = ports.readiness()
      const ready = Object.values(parts).every(part => part.ready)
      return reply.code(ready ? 200 : 503).send({ ready, parts })
    }
  )

  app.get(
    '/metrics',
    route('Metrics in Prometheus’s text format', {
      200: { description: 'Metrics', ...plainText('text/plain', 'hierax_ready{part="store"} 1\n') }
    }),
    async (_request, reply) => reply.type(ports.metrics.contentType).send(await ports.metrics.text())
  )
}
