import { type ErrorCode, errorTable } from '../errors.ts'
import { parts } from '../telemetry/definitions.ts'
import * as example from './examples.ts'
import { problemOf } from './problems.ts'

/*
 * JSON schemas of what is answered: the OpenAPI document is made of them. Answers are written by JSON.stringify, not by
 * the schemas, so that a message keeps the fields and the order that it has on Kafka; a test holds the two together.
 */

const nullable = (type: string, description: string) => ({ type: [type, 'null'], description })
const number = (description: string) => ({ type: 'number', description })
const integer = (description: string) => ({ type: 'integer', description })
const string = (description: string) => ({ type: 'string', description })
const boolean = (description: string) => ({ type: 'boolean', description })

/** An object schema of which every property is required and no other allowed, unless `optional` names it. */
function record(
  properties: Record<string, object>,
  more: { optional?: readonly string[]; [key: string]: unknown } = {}
) {
  const { optional = [], ...rest } = more
  const required = Object.keys(properties).filter(name => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false, ...rest }
}

const orNull = (schema: object) => ({ anyOf: [schema, { type: 'null' }] })
const ref = (id: string) => ({ $ref: `${id}#` })

const problem = record(
  {
    type: string('URN of the code'),
    title: string('the code in words'),
    status: integer('HTTP status'),
    detail: string('what was wrong, with what value'),
    code: { type: 'string', enum: Object.keys(errorTable), description: 'code of the error table' },
    remedy: string('what to do')
  },
  { $id: 'Problem', description: 'An error (RFC 9457)', examples: [example.problem] }
)

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

const prediction = {
  ...orNull(
    record({
      node: string('the deepest node that the model stands for'),
      probability: number('P(node)'),
      path: { type: 'array', items: { type: 'string' }, description: 'from below the root to the node' }
    })
  ),
  description: 'the model’s decision; null where it makes none'
}

const novelty = nullable('number', 'how little the object looks like the training set, 0–1')

const provenance = record({
  name: string('name of the model'),
  version: string('its version'),
  sha256: string('SHA-256 over its files'),
  taxonomy: string('name of its taxonomy'),
  taxonomyVersion: string('version of the taxonomy')
})

const classification = record(
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

const point = record({
  jd: number('Julian date of mid-exposure, days'),
  mjd: number('modified Julian date, days'),
  band: { type: 'string', enum: ['g', 'r', 'i'] },
  type: { type: 'string', enum: ['detection', 'upperLimit'] },
  magnitude: number('difference magnitude, or 5-sigma limiting magnitude of an upper limit'),
  error: nullable('number', 'mag; null for an upper limit'),
  positive: nullable('boolean', 'sign of the difference; null for an upper limit'),
  candid: nullable('string', 'number of the candidate, where it is known')
})

const object = record(
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
  novelty
})

const history = record(
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

const counts = (description: string) => ({ type: 'object', additionalProperties: { type: 'integer' }, description })

const statistics = record(
  {
    alerts: integer('alerts that came to their end since the start'),
    outcomes: record({
      classified: integer('of them classified'),
      notClassified: integer('not classified, with a reason'),
      deadLetters: integer('refused')
    }),
    lag: integer('messages still to be read by this process'),
    objects: integer('objects in the store'),
    minute: record({
      perSecond: {
        type: 'array',
        items: { type: 'integer' },
        description: 'answers of the last 60 seconds, oldest first'
      },
      classified: integer('classified answers in that minute'),
      notClassified: integer('answers without probabilities'),
      reasons: counts('those by reason'),
      nodes: counts('classified answers by the node of their prediction; without one under the empty name')
    })
  },
  { $id: 'Statistics', description: 'How the service does', examples: [example.statistics] }
)

const taxonomy = record(
  {
    name: string('name of the taxonomy'),
    version: string('its version'),
    model: string('the model that uses it'),
    root: string('name of the root, which messages leave out'),
    nodes: {
      type: 'array',
      description: 'parents before children',
      items: record(
        {
          name: string('name of the node'),
          parent: nullable('string', 'name of its parent; null below the root'),
          description: string('what it stands for')
        },
        { optional: ['description'] }
      )
    }
  },
  { $id: 'Taxonomy', examples: [example.taxonomy] }
)

const modelProperties = {
  name: string('name of the model'),
  version: string('its version'),
  sha256: string('SHA-256 over its files'),
  taxonomy: string('name of its taxonomy'),
  taxonomyVersion: string('version of the taxonomy'),
  runtime: string('TensorFlow.js backend that runs it'),
  nodes: integer('number of nodes it gives probabilities for')
}

const model = record(
  { ...modelProperties, models: { type: 'array', items: record(modelProperties), description: 'all models in use' } },
  { $id: 'Model', description: 'The first model in use, and all of them', examples: [example.model] }
)

const partState = record({ ready: boolean('whether it is ready'), reason: string('short and constant') })

const readiness = record(
  {
    ready: boolean('whether every part is'),
    parts: record(Object.fromEntries(parts.map(part => [part, partState])))
  },
  { $id: 'Readiness', examples: [example.readiness] }
)

const liveness = record(
  { ok: boolean('whether the process works, or waits for something'), reason: string('short and constant') },
  { $id: 'Liveness', examples: [example.liveness] }
)

/** Schemas that others refer to by name. */
export const sharedSchemas = [
  problem,
  classification,
  object,
  history,
  statistics,
  taxonomy,
  model,
  readiness,
  liveness
]

/** Answers of a route: what it says when all is well, and problems for the statuses named. */
export function responses(good: object, description: string, ...problems: number[]): Record<string, object> {
  const entries = [...problems, 429, 500].map(status => {
    const content = { schema: ref('Problem'), example: problemOf(...problemsByStatus[status]!) }
    return [status, { description: problemDescriptions[status], content: { 'application/problem+json': content } }]
  })
  return { 200: { description, ...good }, ...Object.fromEntries(entries) }
}

/** JSON content of a schema above, with an example where its own does not fit. */
export function json(schema: object, example?: unknown): object {
  return { content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } } }
}

export { ref }

const problemDescriptions: Record<number, string> = {
  400: 'A parameter is not valid',
  401: 'The token is missing or wrong',
  404: 'Nothing is known of it',
  429: 'Too many requests',
  500: 'A fault of ours; the log says more',
  503: 'Not possible now'
}

/** What is said of each status, as an example. */
const problemsByStatus: Record<number, [code: ErrorCode, status: number, detail: string]> = {
  400: ['REQUEST_INVALID', 400, 'querystring must NOT have additional properties'],
  401: ['UNAUTHORIZED', 401, 'a token is needed'],
  404: ['OBJECT_NOT_FOUND', 404, 'no alert of "ZTF20aaaaaaa" was seen'],
  429: ['TOO_MANY_REQUESTS', 429, 'more than 3000 requests in a minute; ask again in 12 seconds'],
  500: ['INTERNAL', 500, 'something unexpected happened; the log says more'],
  503: ['STORE_FAILED', 503, 'the store does not answer']
}

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
