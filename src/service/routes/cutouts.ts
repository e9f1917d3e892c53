import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { HieraxError, shown } from '../../errors.ts'
import { cutoutKinds } from '../../lightcurves/cutouts.ts'
import { readFits } from '../fits.ts'
import { toPng } from '../png.ts'
import type { ServicePorts } from '../ports.ts'
import { parameters, plainText, responses } from '../schema/openapi.ts'
import { objectParameter } from './objects.ts'

/** What the images show. */
const shows = { science: 'the exposure', template: 'the reference image', difference: 'their difference' } as const

const query = z.strictObject({
  candid: z
    .string()
    .regex(/^\d{1,19}$/)
    .describe('the alert, if no other one will do')
    .optional()
})

/** The images of an object's newest alert. They are decoded when they are requested. */
export function addCutoutRoutes(app: FastifyInstance, ports: Pick<ServicePorts, 'cutouts'>): void {
  for (const kind of cutoutKinds) {
    app.get<{ Params: { objectId: string }; Querystring: z.infer<typeof query> }>(
      `/api/v1/objects/:objectId/cutouts/${kind}.png`,
      {
        schema: {
          tags: ['objects'],
          summary: `Image of an object’s newest alert: ${shows[kind]}`,
          description:
            'The image of the alert in shades of grey, a pixel for each pixel, its first row at the top; pixels without a value are transparent. ' +
            'The header `hierax-candid` names the alert, and the ETag its version. Images are kept if `http.cutouts` is set, of the ' +
            'objects that were updated last; `cutouts` of the object lists those that there are.',
          params: parameters(objectParameter),
          querystring: parameters(query),
          response: responses(plainText('image/png', '(PNG)'), 'The image', 400, 401, 404, 422, 503)
        }
      },
      async ({ params: { objectId }, query: { candid }, headers }, reply) => {
        const kept = await ports.cutouts(objectId)
        const bytes = kept?.cutouts[kind]
        if (!kept || !bytes || (candid ?? String(kept.candid)) !== String(kept.candid))
          throw new HieraxError(
            'CUTOUT_NOT_FOUND',
            `there is no ${kind} image of the newest alert of ${shown(objectId)}`
          )
        const etag = `"${kept.candid}-${createHash('sha1').update(bytes).digest('hex').slice(0, 16)}"`
        reply.header('etag', etag).header('hierax-candid', String(kept.candid))
        if (headers['if-none-match'] === etag) return reply.code(304).send()
        return reply.type('image/png').send(await toPng(await readFits(bytes)))
      }
    )
  }
}
