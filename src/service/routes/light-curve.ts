import type { FastifyInstance, FastifyReply, FastifySchema } from 'fastify'
import { HieraxError, shown } from '../../errors.ts'
import * as example from '../examples.ts'
import { lightCurveCsv } from '../light-curve-table.ts'
import type { ObjectView, ServicePorts } from '../ports.ts'
import { responses } from '../schemas/answers.ts'
import { objectParameters } from '../schemas/objects.ts'

/** An object's light curve as a table and as a picture. */
export function addLightCurveRoutes(app: FastifyInstance, ports: ServicePorts): void {
  const find = async (objectId: string): Promise<ObjectView> => {
    const object = await ports.object(objectId)
    if (object === null) throw new HieraxError('OBJECT_NOT_FOUND', `no alert of ${shown(objectId)} was seen`)
    return object
  }

  app.get<{ Params: { objectId: string } }>(
    '/api/v1/objects/:objectId/lightcurve.csv',
    { schema: csvSchema },
    async ({ params: { objectId } }, reply) => {
      const { lightCurve } = await find(objectId)
      named(reply, 'attachment', objectId, 'csv').type('text/csv; charset=utf-8; header=present')
      return lightCurveCsv(lightCurve)
    }
  )

  app.get<{ Params: { objectId: string } }>(
    '/api/v1/objects/:objectId/lightcurve.svg',
    { schema: svgSchema },
    async ({ params: { objectId } }, reply) => {
      const object = await find(objectId)
      // The library is large: it is loaded for the first picture that somebody asks for.
      const { lightCurveSvg } = await import('../light-curve-plot.ts')
      named(reply, 'inline', objectId, 'svg')
        .type('image/svg+xml; charset=utf-8')
        // A picture styles itself, and may do nothing else.
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'")
      return lightCurveSvg(object)
    }
  )
}

/** Asked for again it is compared by its ETag; saved, it is named after the object. */
function named(reply: FastifyReply, how: string, objectId: string, ending: string): FastifyReply {
  const name = /^[\w.-]{1,64}$/.test(objectId) ? objectId : 'lightcurve'
  return reply.header('content-disposition', `${how}; filename="${name}.${ending}"`)
}

const csvSchema: FastifySchema = {
  tags: ['objects'],
  summary: 'Light curve of an object as CSV',
  description:
    'One point a line, sorted by time: jd, mjd (days), band, type (detection or upperLimit), magnitude (difference magnitude, ' +
    'or 5-sigma limit), error (mag), positive (sign of the difference), candid, realBogus, solarSystemDistance (arcsec), ' +
    'admitted (whether it is classified). What is not known is empty.',
  params: objectParameters,
  querystring: { type: 'object', properties: {}, additionalProperties: false },
  response: responses(
    {
      content: {
        'text/csv': { schema: { type: 'string' }, example: lightCurveCsv(example.object.lightCurve as never) }
      }
    },
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
  querystring: { type: 'object', properties: {}, additionalProperties: false },
  response: responses(
    {
      content: {
        'image/svg+xml': { schema: { type: 'string' }, example: '<svg xmlns="http://www.w3.org/2000/svg">…</svg>' }
      }
    },
    'The picture',
    ...[400, 401, 404, 503]
  )
}
