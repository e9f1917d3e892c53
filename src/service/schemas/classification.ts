import * as example from '../examples.ts'
import { boolean, integer, nullable, number, orNull, record, string } from './kinds.ts'

const node = record({
  name: string('name of the taxonomy node'),
  parent: nullable('string', 'name of its parent; null below the root'),
  conditional: number('P(node given its parent)'),
  probability: number('P(node)')
})

const alertPhotometry = record({
  band: { type: 'string', enum: ['g', 'r', 'i'], description: 'photometric band' },
  magnitude: number('magpsf, mag'),
  error: number('sigmapsf, mag'),
  positive: boolean('sign of the difference'),
  realBogus: nullable('number', 'drb, else rb: 0 bogus to 1 real'),
  starScore: nullable('number', 'star–galaxy score of the nearest catalogue source: 0 galaxy to 1 star'),
  starDistance: nullable('number', 'distance to that source, arcsec'),
  solarSystemDistance: nullable('number', 'distance to the nearest known solar-system object, arcsec')
})

/** The model's decision. */
export const prediction = {
  ...orNull(
    record({
      node: string('the deepest node that the model stands for'),
      probability: number('P(node)'),
      path: { type: 'array', items: { type: 'string' }, description: 'from below the root to the node' }
    })
  ),
  description: 'the model’s decision; null where it makes none'
}

/** How strange the object is. */
export const novelty = nullable('number', 'how little the object looks like the training set, 0–1')

/** Which model says it. */
export const provenance = record({
  name: string('name of the model'),
  version: string('its version'),
  sha256: string('SHA-256 over its files'),
  taxonomy: string('name of its taxonomy'),
  taxonomyVersion: string('version of the taxonomy')
})

/** A message, as on Kafka in JSON. */
export const classification = record(
  {
    id: string('names this answer: equal ids have equal content'),
    objectId: string('ZTF object'),
    candid: string('number of the alert; a string, because it exceeds 2^53'),
    jd: number('Julian date of the alert, days'),
    ra: number('right ascension, degrees, J2000'),
    dec: number('declination, degrees, J2000'),
    programId: integer('survey programme'),
    status: { type: 'string', enum: ['CLASSIFIED', 'NOT_CLASSIFIED'] },
    reason: nullable('string', 'why it was not classified: PROGRAM, BOGUS, SOLAR_SYSTEM or TOO_FEW_DETECTIONS'),
    alert: { ...orNull(alertPhotometry), description: 'photometry of the alert; null for reason PROGRAM' },
    nodes: { type: 'array', items: node, description: 'every node but the root, parents before children' },
    prediction,
    novelty,
    classifier: provenance,
    lightCurve: record({
      detections: integer('detections up to the alert’s time'),
      upperLimits: integer('upper limits up to it'),
      firstJd: nullable('number', 'Julian date of the first point, days'),
      lastJd: nullable('number', 'Julian date of the last point, days'),
      latest: { type: 'object', additionalProperties: { type: 'number' }, description: 'latest magnitude by band' },
      fingerprint: string('hash of what the answer rests on'),
      revision: integer('grows with every change of these points')
    })
  },
  { $id: 'Classification', description: 'What a model says of one alert', examples: [example.classification] }
)
