import type { FastifyInstance, FastifyReply, FastifySchema } from 'fastify'
import * as example from '../examples.ts'
import { lightCurveSvg } from '../light-curve-plot.ts'
import { plainText, responses } from '../openapi.ts'
import type { ServicePorts } from '../ports.ts'
import { type PointView, point } from '../schemas.ts'
import { found, noQuery, type ObjectParameters, objectParameters } from './api.ts'

/** An object's light curve as a table and as a picture. */
export function addLightCurveRoutes(app: FastifyInstance, ports: ServicePorts): void {
  app.get<{ Params: ObjectParameters }>(
    '/api/v1/objects/:objectId/lightcurve.csv',
    { schema: csvSchema },
    async ({ params: { objectId } }, reply) => {
      const { lightCurve } = found(objectId, await ports.object(objectId))
      named(reply, 'attachment', objectId, 'csv').type('text/csv; charset=utf-8; header=present')
      return lightCurveCsv(lightCurve)
    }
  )

  app.get<{ Params: ObjectParameters }>(
    '/api/v1/objects/:objectId/lightcurve.svg',
    { schema: svgSchema },
    async ({ params: { objectId } }, reply) => {
      const object = found(objectId, await ports.object(objectId))
      named(reply, 'inline', objectId, 'svg')
        .type('image/svg+xml; charset=utf-8')
        // The picture may contain styles and nothing else.
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'")
      return lightCurveSvg(object)
    }
  )
}

/** Names the file after the object when it is saved. */
function named(reply: FastifyReply, how: string, objectId: string, ending: string): FastifyReply {
  const name = /^[\w.-]{1,64}$/.test(objectId) ? objectId : 'lightcurve'
  return reply.header('content-disposition', `${how}; filename="${name}.${ending}"`)
}

const columns = point.keyof().options

/**
 * A light curve as CSV (RFC 4180) with a head: one point a line, sorted by time. Fields hold numbers and fixed words only, so
 * that nothing needs quotes; what is not known is empty.
 */
export function lightCurveCsv(points: readonly PointView[]): string {
  const rows = points.map(point => columns.map(name => String(point[name] ?? '')).join(','))
  return [columns.join(','), ...rows, ''].join('\r\n')
}

const csvSchema: FastifySchema = {
  tags: ['objects'],
  summary: 'Light curve of an object as CSV',
  description:
    'One point a line, sorted by time: jd, mjd (days), band, type (detection or upperLimit), magnitude (difference magnitude, ' +
    'or 5-sigma limit), error (mag), positive (sign of the difference), candid, realBogus, solarSystemDistance (arcsec), ' +
    'admitted (whether it is classified). What is not known is empty.',
  params: objectParameters,
  querystring: noQuery,
  response: responses(
    plainText('text/csv', lightCurveCsv(example.object.lightCurve)),
    'The table',
    ...[400, 401, 404, 503]
  )
}

const svgSchema: FastifySchema = {
  tags: ['objects'],
  summary: 'Light curve of an object as an SVG image',
  description:
    'Difference magnitude, bright upwards, against time; one-sigma error bars; triangles for upper limits; hollow symbols for ' +
    'negative differences; dashed and without error bars what the admission settings refuse; bands in the field’s colours. At most 800 points are drawn.',
  params: objectParameters,
  querystring: noQuery,
  response: responses(
    plainText('image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg">…</svg>'),
    'The picture',
    ...[400, 401, 404, 503]
  )
}
