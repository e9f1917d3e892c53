import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { HieraxError, shown } from '../../errors.ts'
import { modelNamed, modelParameter } from '../filter.ts'
import { lightCurveSvg } from '../light-curve-plot.ts'
import type { ServicePorts } from '../ports.ts'
import * as example from '../schema/examples.ts'
import { json, noQuery, parameters, plainText, ref, responses } from '../schema/openapi.ts'
import { type PointView, point } from '../schema/schemas.ts'

/** The parameter of routes about one object; the maximum length is that of the decoder. */
export const objectParameter = z.object({
  objectId: z
    .string()
    .min(1)
    .max(128)
    .meta({ description: 'ZTF object', examples: ['ZTF20aaelulu'] })
})
const params = parameters(objectParameter)
type Params = z.infer<typeof objectParameter>

const modelQuery = z.strictObject({ model: modelParameter })
const historyQuery = z.strictObject({
  model: modelParameter,
  limit: z
    .int()
    .min(2)
    .max(2000)
    .default(300)
    .describe('maximum number of moments, evenly chosen; the first and the last are always included')
})

/** Routes about one object: its light curve and classification, its history, and the light curve as a table and as a picture. */
export function addObjectRoutes(app: FastifyInstance, ports: ServicePorts): void {
  app.get<{ Params: Params; Querystring: z.infer<typeof modelQuery> }>(
    '/api/v1/objects/:objectId',
    {
      schema: {
        tags: ['objects'],
        summary: 'Light curve and current classification of an object',
        params,
        querystring: parameters(modelQuery),
        response: responses(json(ref('Object')), 'The object', 400, 401, 404, 503)
      }
    },
    async ({ params: { objectId }, query: { model } }) =>
      found(objectId, await ports.object(objectId, modelNamed(ports.models(), model).sha256))
  )

  app.get<{ Params: Params; Querystring: z.infer<typeof historyQuery> }>(
    '/api/v1/objects/:objectId/history',
    {
      schema: {
        tags: ['objects'],
        summary: 'How the probabilities of an object changed with its detections',
        description:
          'The model’s probabilities at the time of every detection. They are computed now, from the stored points up to that time, ' +
          'whether or not the alert of the detection was admitted.',
        params,
        querystring: parameters(historyQuery),
        response: responses(json(ref('History')), 'Probabilities of every node, in time order', 400, 401, 404, 503)
      }
    },
    async ({ params: { objectId }, query: { model, limit } }) =>
      found(objectId, await ports.history(objectId, { model: modelNamed(ports.models(), model).sha256, limit }))
  )

  app.get<{ Params: Params }>(
    '/api/v1/objects/:objectId/lightcurve.csv',
    {
      schema: {
        tags: ['objects'],
        summary: 'Light curve of an object as CSV',
        description:
          'One point per line, sorted by time: jd, mjd (days), band, type (detection or upperLimit), magnitude (difference magnitude, ' +
          'or 5-sigma limit), error (mag), positive (sign of the difference), candid, realBogus, solarSystemDistance (arcsec), ' +
          'admitted (whether it is used for classification). Unknown values are empty.',
        params,
        querystring: noQuery,
        response: responses(
          plainText('text/csv', lightCurveCsv(example.object.lightCurve)),
          'The table',
          ...[400, 401, 404, 503]
        )
      }
    },
    async ({ params: { objectId } }, reply) => {
      const { lightCurve } = found(objectId, await ports.object(objectId))
      named(reply, 'attachment', objectId, 'csv').type('text/csv; charset=utf-8; header=present')
      return lightCurveCsv(lightCurve)
    }
  )

  app.get<{ Params: Params }>(
    '/api/v1/objects/:objectId/lightcurve.svg',
    {
      schema: {
        tags: ['objects'],
        summary: 'Light curve of an object as an SVG image',
        description:
          'Difference magnitude, bright upwards, against time; one-sigma error bars; triangles for upper limits; hollow symbols for ' +
          'negative differences; dashed symbols without error bars for points that are not admitted; the usual colours of the bands. At most 800 points are drawn.',
        params,
        querystring: noQuery,
        response: responses(
          plainText('image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg">…</svg>'),
          'The picture',
          ...[400, 401, 404, 503]
        )
      }
    },
    async ({ params: { objectId } }, reply) => {
      const object = found(objectId, await ports.object(objectId))
      named(reply, 'inline', objectId, 'svg')
        .type('image/svg+xml; charset=utf-8')
        // The image may contain styles, but nothing else that is active.
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'")
      return lightCurveSvg(object)
    }
  )
}

/** The view, if there is one. Throws OBJECT_NOT_FOUND. */
function found<T>(objectId: string, view: T | null): T {
  if (view === null) throw new HieraxError('OBJECT_NOT_FOUND', `no alert of ${shown(objectId)} was received`)
  return view
}

/** Names the file after the object when it is saved. */
function named(reply: FastifyReply, how: string, objectId: string, ending: string): FastifyReply {
  const name = /^[\w.-]{1,64}$/.test(objectId) ? objectId : 'lightcurve'
  return reply.header('content-disposition', `${how}; filename="${name}.${ending}"`)
}

/**
 * A light curve as CSV (RFC 4180) with a header: one point per line, sorted by time. Fields contain only numbers and fixed words, so
 * no quotes are needed. Unknown values are empty.
 */
export function lightCurveCsv(points: readonly PointView[]): string {
  const columns = point.keyof().options
  const rows = points.map(point => columns.map(name => String(point[name] ?? '')).join(','))
  return [columns.join(','), ...rows, ''].join('\r\n')
}
