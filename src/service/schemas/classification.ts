import type { AlertContext } from '../../lightcurves/observation.ts'
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

/** Why: what the three terms say of each child of the root. */
export const evidence = {
  type: 'array',
  items: record({
    node: string('child of the root'),
    lightCurve: number('what the light curve says, at the class mix of the training set; natural logarithm'),
    context: number('what the other fields of the packet say; 0 without them, and for a model that does not use them'),
    prior: number('ln(share in the population / share in the training set); 0 without a population')
  }),
  description: 'log terms; the softmax of their sums gives the conditional probabilities. Empty when NOT_CLASSIFIED'
}

/** For which class mix. */
export const population = {
  ...orNull(
    record({
      name: string('as the model’s card names it, or custom'),
      shares: { type: 'object', additionalProperties: { type: 'number' }, description: 'share among siblings, by node' }
    })
  ),
  description: 'the class mix for which the probabilities hold; null for a model without one'
}

const contextMeanings: Record<keyof AlertContext, string> = {
  sgscore1: 'nearest PS1 source: 0 galaxy to 1 star',
  distpsnr1: 'distance to it, arcsec',
  sgmag1: 'its g magnitude',
  srmag1: 'its r magnitude',
  simag1: 'its i magnitude',
  szmag1: 'its z magnitude',
  sgscore2: 'second nearest PS1 source: 0 galaxy to 1 star',
  distpsnr2: 'distance to it, arcsec',
  distnr: 'distance to the nearest source of the reference image, pixels of 1.012 arcsec',
  magnr: 'its magnitude',
  chinr: 'its chi',
  sharpnr: 'its sharpness',
  neargaia: 'distance to the nearest Gaia source, arcsec',
  maggaia: 'its G magnitude',
  classtar: 'SExtractor’s score of the detection: 0 extended to 1 point source',
  ndethist: 'number of detections here since the survey began, at 3 sigma',
  ncovhist: 'number of exposures that covered this place',
  jdstarthist: 'Julian date of the first detection here'
}

const context = {
  ...orNull(
    record(Object.fromEntries(Object.entries(contextMeanings).map(([name, text]) => [name, nullable('number', text)])))
  ),
  description: 'what the packet says about the place and its history; null for reason PROGRAM'
}

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
      revision: integer('grows with every change of these points'),
      firstDetectionJd: nullable('number', 'Julian date of the first detection, days'),
      lastDetectionJd: nullable('number', 'Julian date of the last detection, days'),
      ndethist: nullable('integer', 'number of detections here since the survey began, by the packet'),
      jdstarthist: nullable('number', 'Julian date of the first of these')
    }),
    evidence,
    context,
    population
  },
  { $id: 'Classification', description: 'What a model says of one alert', examples: [example.classification] }
)
