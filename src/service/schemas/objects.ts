import * as example from '../examples.ts'
import { evidence, novelty, prediction, provenance } from './classification.ts'
import { boolean, integer, nullable, number, orNull, record, ref, string } from './kinds.ts'

const point = record({
  jd: number('Julian date of mid-exposure, days'),
  mjd: number('modified Julian date, days'),
  band: { type: 'string', enum: ['g', 'r', 'i'] },
  type: { type: 'string', enum: ['detection', 'upperLimit'] },
  magnitude: number('difference magnitude, or 5-sigma limiting magnitude of an upper limit'),
  error: nullable('number', 'mag; null for an upper limit'),
  positive: nullable('boolean', 'sign of the difference; null for an upper limit'),
  candid: nullable('string', 'number of the candidate, where it is known'),
  realBogus: nullable('number', 'drb, else rb: 0 bogus to 1 real; null where it is not known'),
  solarSystemDistance: nullable('number', 'distance to the nearest known solar-system object, arcsec'),
  admitted: boolean('whether the point passes the admission settings; what does not is kept, but not classified')
})

/** `/api/v1/objects/{objectId}`. */
export const object = record(
  {
    objectId: string('ZTF object'),
    lightCurve: { type: 'array', items: point, description: 'sorted by time' },
    newest: {
      ...orNull(
        record({
          candid: string('number of the alert'),
          jd: number('Julian date, days'),
          ra: number('right ascension, degrees, J2000'),
          dec: number('declination, degrees, J2000'),
          programId: integer('survey programme')
        })
      ),
      description: 'the newest alert'
    },
    classification: { ...orNull(ref('Classification')), description: 'the object’s answer' }
  },
  { $id: 'Object', examples: [example.object] }
)

const moment = record({
  jd: number('Julian date of the detection, days'),
  mjd: number('modified Julian date, days'),
  band: { type: 'string', enum: ['g', 'r', 'i'], description: 'its band' },
  candid: nullable('string', 'number of the candidate, where it is known'),
  detections: integer('detections up to and at this time'),
  probabilities: { type: 'array', items: { type: 'number' }, description: 'P(node), in the order of `nodes`' },
  prediction,
  novelty,
  evidence
})

/** `/api/v1/objects/{objectId}/history`. */
export const history = record(
  {
    objectId: string('ZTF object'),
    classifier: provenance,
    nodes: {
      type: 'array',
      items: record({
        name: string('name of the node'),
        parent: nullable('string', 'its parent; null below the root')
      }),
      description: 'parents before children'
    },
    moments: { type: 'array', items: moment, description: 'sorted by time' }
  },
  { $id: 'History', description: 'How the probabilities of an object came about', examples: [example.history] }
)

/** Parameters of a route that is about one object. */
export const objectParameters = {
  type: 'object',
  required: ['objectId'],
  properties: {
    objectId: {
      type: 'string',
      minLength: 1,
      // As long as the decoder lets one be.
      maxLength: 128,
      description: 'ZTF object',
      examples: ['ZTF20aaelulu']
    }
  }
}
