import type { FastifyInstance } from 'fastify'
import * as example from '../examples.ts'
import { json, plainText, ref } from '../openapi.ts'
import type { ServicePorts } from '../ports.ts'

/** Probes and metrics: without a token, and with a rate limit of their own, so that other requests never keep them from being answered. */
export function addHealthRoutes(app: FastifyInstance, ports: ServicePorts): void {
  const config = { open: true, rateLimit: { max: 6000, timeWindow: 60_000 } } as const
  const route = (summary: string, response: Record<string, object>) => ({
    config,
    schema: { tags: ['operation'], security: [], summary, response }
  })

  app.get(
    '/health/live',
    route('Whether the process works, or waits for something outside', {
      200: { description: 'It does', ...json(ref('Liveness')) },
      503: { description: 'It is stuck: restart it', ...json(ref('Liveness'), example.stuck) }
    }),
    async (_request, reply) => {
      const { ok, reason } = ports.liveness()
      return reply.code(ok ? 200 : 503).send({ ok, reason })
    }
  )

  app.get(
    '/health/ready',
    route('Whether every part is ready, with a reason each', {
      200: { description: 'All are', ...json(ref('Readiness')) },
      503: { description: 'At least one is not', ...json(ref('Readiness'), example.notReady) }
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
