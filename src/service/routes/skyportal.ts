import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { HieraxError, shown } from '../../errors.ts'
import type { Band } from '../../lightcurves/points/observation.ts'
import type { ClassificationJson } from '../../messages/classification.ts'
import { maxRadius } from '../coordinates.ts'
import type { ServicePorts } from '../ports.ts'
import * as example from '../schema/examples.ts'
import { json, parameters, responses } from '../schema/openapi.ts'
import type { ObjectView, PointView } from '../schema/schemas.ts'
import { objectParameter } from './objects.ts'
import { findingOf, queryParameters } from './query.ts'

/*
 * SkyPortal's generic broker (`skyportal/broker_apis/generic.py`) requests `{base}/alerts` and `{base}/alerts/{id}`, passes on whatever parameters
 * its own API was given, and hands alerts to code that expects the fields of BOOM's (`_save.py`, `_photometry.py`, `Broker.tsx`).
 */

/** The survey of all objects, as SkyPortal calls it. */
const survey = 'ZTF'

/** Radius of a cone without one, arcsec, as in SkyPortal's other brokers. */
const defaultRadius = 5

const arcsecPer = { arcsec: 1, arcmin: 60, deg: 3600 } as const

/** Zero point of the fluxes in which SkyPortal reads alerts of ZTF (`psfFlux`), AB magnitudes. */
const zeroPoint = 46.4

/** Error of a magnitude as a relative error of the flux: ln(10) / 2.5. */
const perMagnitude = Math.LN10 / 2.5

const scopes = {
  survey: z.string().max(40).describe('survey; there are alerts of ZTF only').optional(),
  permissions: z
    .union([z.string(), z.array(z.string())])
    .describe('surveys that the user of SkyPortal may see; absent for its administrators')
    .optional()
}
const { radius: _, ...conditions } = queryParameters
const searchQuery = z.object({
  ...scopes,
  ...conditions,
  objectId: z.string().max(128).describe('an object; empty: not given').optional(),
  candid: z.string().max(40).describe('only the alert of this number, with `objectId`; empty: not given').optional(),
  radius: z.number().min(0).max(maxRadius).default(defaultRadius).describe('radius of the cone'),
  radius_units: z.enum(['arcsec', 'arcmin', 'deg']).default('arcsec').describe('unit of `radius`'),
  limit: z.int().min(1).max(1000).default(100).describe('maximum number of alerts')
})
const alertQuery = z.object(scopes)
type Scopes = z.infer<typeof alertQuery>

/** Addresses for SkyPortal's generic broker. Its base URL is `/api/v1/skyportal`. */
export function addSkyPortalRoutes(app: FastifyInstance, ports: ServicePorts): void {
  const alert = { type: 'object', additionalProperties: true }
  const sample = alertOf(example.object, example.classification, [1])
  app.get<{ Querystring: z.infer<typeof searchQuery> }>(
    '/api/v1/skyportal/alerts',
    {
      schema: {
        tags: ['objects'],
        summary: 'The newest alert of an object, of objects in a cone, or of objects that match (for SkyPortal)',
        description:
          'For the generic broker of SkyPortal, whose base URL is `/api/v1/skyportal`. Unknown parameters are ignored, because SkyPortal passes on what it was given.',
        querystring: parameters(searchQuery),
        response: responses(
          json({ type: 'array', items: alert }, [sample]),
          'Alerts, without light curves',
          ...[400, 401, 404, 503]
        )
      }
    },
    async ({ query: { radius, radius_units: unit, limit, ...query } }) => {
      if (!isInScope(query)) return []
      // SkyPortal sends the empty fields of its form too.
      const objectId = query.objectId || undefined
      const candid = query.candid || undefined
      if (candid !== undefined && objectId === undefined)
        throw new HieraxError('REQUEST_INVALID', 'candid is found by its object only: give objectId too')
      const cone = query.ra === undefined && query.dec === undefined ? {} : { radius: radius * arcsecPer[unit] }
      const { find, accept } = findingOf({ ...query, ...cone }, ports)
      if (objectId !== undefined) {
        const classification = (await ports.object(objectId, find.model))?.classification
        const found = classification && (candid === undefined || candid === classification.candid)
        return found ? [alertOfMessage(classification)] : []
      }
      const alerts: object[] = []
      for await (const batch of ports.query({ ...find, after: '' }))
        for (const one of batch) {
          if ('classification' in one && accept(one.classification)) alerts.push(alertOfMessage(one.classification))
          if (alerts.length >= limit) return alerts
        }
      return alerts
    }
  )

  app.get<{ Params: { objectId: string }; Querystring: Scopes }>(
    '/api/v1/skyportal/alerts/:objectId',
    {
      schema: {
        tags: ['objects'],
        summary: 'The newest alert of an object with its light curve (for SkyPortal)',
        description:
          'Fluxes are those of BOOM’s alerts of ZTF, for which magnitude = 46.4 − 2.5 log₁₀ |psfFlux|; negative differences are negative. Points that the admission settings refuse are left out.',
        params: parameters(objectParameter),
        querystring: parameters(alertQuery),
        response: responses(json(alert, sample), 'The alert', 400, 401, 404, 503)
      }
    },
    async ({ params: { objectId }, query }) => {
      const object = isInScope(query) ? await ports.object(objectId) : null
      if (object?.classification) return alertOf(object, object.classification, ports.programs)
      throw new HieraxError('OBJECT_NOT_FOUND', `no alert of ${shown(objectId)} was received`)
    }
  )
}

/** Whether a request may be answered with alerts of ZTF. */
function isInScope({ survey: asked = survey, permissions = survey }: Scopes): boolean {
  return asked.toUpperCase() === survey && [permissions].flat().includes(survey)
}

/** The newest alert of an object, without its light curve. */
function alertOfMessage(message: ClassificationJson) {
  const { objectId, candid, jd, ra, dec, programId, status, reason, alert, nodes, prediction, novelty, classifier } =
    message
  return {
    objectId,
    survey,
    candid,
    candidate: {
      ...{ objectId, candid, jd, ra, dec, programid: programId },
      ...(alert && {
        ...filterOf(alert.band),
        magpsf: alert.magnitude,
        sigmapsf: alert.error,
        isdiffpos: alert.positive,
        drb: alert.realBogus,
        ssdistnr: alert.solarSystemDistance
      }),
      ...message.context
    },
    classifications: Object.fromEntries(nodes.map(({ name, probability }) => [name, probability])),
    prediction: prediction && { node: prediction.node, probability: prediction.probability },
    ...{ status, reason, novelty, classifier }
  }
}

/** The newest alert of an object with its light curve. The programme of a point is the most restricted one that it may be of. */
function alertOf({ lightCurve }: ObjectView, message: ClassificationJson, programs: readonly number[]) {
  const points = lightCurve.filter(({ admitted }) => admitted)
  const programid = Math.max(...programs)
  return {
    ...alertOfMessage(message),
    prv_candidates: points
      .filter(({ type }) => type === 'detection')
      .map(point => ({ ...detectionOf(point), programid })),
    prv_nondetections: points
      .filter(({ type }) => type === 'upperLimit')
      .map(({ jd, band, magnitude }) => ({
        jd,
        ...filterOf(band),
        diffmaglim: magnitude,
        psfFlux: null,
        // The limit is five standard deviations.
        psfFluxErr: fluxOf(magnitude) / 5,
        programid
      })),
    fp_hists: []
  }
}

function detectionOf({ jd, band, candid, magnitude, error, positive, realBogus }: PointView) {
  const flux = fluxOf(magnitude)
  return {
    ...{ jd, candid, magpsf: magnitude, sigmapsf: error, isdiffpos: positive, drb: realBogus },
    ...filterOf(band),
    psfFlux: positive ? flux : -flux,
    psfFluxErr: flux * (error ?? 0) * perMagnitude
  }
}

function fluxOf(magnitude: number): number {
  return 10 ** ((zeroPoint - magnitude) / 2.5)
}

function filterOf(band: Band): { band: Band; fid: number } {
  return { band, fid: { g: 1, r: 2, i: 3 }[band] }
}
