import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { HieraxError, shown } from '../../errors.ts'
import { parseJd } from '../../julian-date.ts'
import { coneOf, maxRadius } from '../coordinates.ts'
import { type Accept, acceptOf, filterParameters, modelNamed, modelParameter } from '../filter.ts'
import type { LineStreams } from '../line-streams.ts'
import type { ObjectQuery, QueriedObject, ServicePorts } from '../ports.ts'
import * as example from '../schema/examples.ts'
import { parameters, plainText, responses } from '../schema/openapi.ts'
import { problemOf } from '../schema/problems.ts'

const probability = (description: string) => z.number().min(0).max(1).describe(description).optional()

/** Conditions on objects; all that are given must hold. */
export const queryParameters = {
  node: filterParameters.node.describe(
    'node of the taxonomy to which `min` and `max` apply (default: the predicted node)'
  ),
  min: probability('minimum probability (default: 0.5 with `node` and without `max`, else none)'),
  max: probability('maximum probability'),
  since: z
    .string()
    .max(40)
    .describe('earliest time of the newest alert: a Julian date, or a date such as 2026-11-20 or 2026-11-20T04:00:00Z')
    .optional(),
  model: modelParameter,
  ra: z
    .string()
    .max(40)
    .describe('right ascension: degrees, or hours as 12:34:56.7; with `dec` and `radius`')
    .optional(),
  dec: z.string().max(40).describe('declination: degrees, also as +12:34:56.7').optional(),
  radius: z.number().min(0).max(maxRadius).describe('radius of the cone, arcsec').optional()
}
const query = z.strictObject({
  ...queryParameters,
  limit: z.int().min(1).max(1_000_000).describe('maximum number of objects (default: all)').optional(),
  cursor: z.string().min(1).max(1000).describe('`cursor` of the last line of the page before').optional()
})
type Query = z.infer<typeof query>

/** A page ends when no object was found for this time, so that no connection is idle for long, ms. */
const longestPause = 20_000

/** The current classifications of all objects that match. */
export function addQueryRoute(app: FastifyInstance, ports: ServicePorts, streams: LineStreams): void {
  app.get<{ Querystring: Query }>(
    '/api/v1/objects',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['objects'],
        summary: 'Current classifications of all objects, or of those in a cone',
        description:
          'One JSON object per line (NDJSON), in the order of object ids: the current classification of every object in the store that ' +
          'matches. The last line is `{"cursor": …, "objects": n}`, with the number of lines before it. If the cursor is not null, there may be more objects: repeat the ' +
          'request with it. A page ends at `limit`, or when no object was found for 20 s. Following the cursors, every object that is stored and matches all the time is ' +
          'given exactly once, however the store changes meanwhile. An object whose record cannot be read has a line `{"objectId": …, "error": …}`, ' +
          'and `{"error": …}` in place of the last line reports a failure. A response without either was cut short. The cone is compared with the ' +
          'position of the newest alert.',
        querystring: parameters(query),
        response: responses(
          plainText('application/x-ndjson', example.queryLines),
          'Classifications',
          ...[400, 401, 404, 503]
        )
      }
    },
    async ({ query, ip }, reply) => {
      const { find, accept } = findingOf(query, ports)
      const digest = digestOf(query)
      const after = query.cursor === undefined ? '' : objectIdOf(query.cursor, digest)
      const objects = ports.query({ ...find, after })
      const chunks = linesOf(objects, { accept, limit: query.limit ?? Number.POSITIVE_INFINITY, after, digest })
      // Failures before the first line are answered with their status.
      const first = await chunks.next()
      const stream = streams.open(startingWith(first, chunks), ip)
      return reply
        .type('application/x-ndjson; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
        .send(stream)
    }
  )
}

/**
 * What the parameters of a query ask for.
 *
 * @throws HieraxError REQUEST_INVALID, MODEL_NOT_FOUND, MODEL_AMBIGUOUS, NODE_NOT_FOUND
 */
export function findingOf(
  { node, min, max, since, model, ra, dec, radius }: z.infer<z.ZodObject<typeof queryParameters>>,
  ports: Pick<ServicePorts, 'models'>
): { readonly find: Omit<ObjectQuery, 'after'>; readonly accept: Accept } {
  const chosen = modelNamed(ports.models(), model)
  if (min !== undefined && max !== undefined && min > max)
    throw new HieraxError('REQUEST_INVALID', `min (${min}) is above max (${max})`)
  const jd = since === undefined ? null : parseJd(since)
  if (since !== undefined && jd === null)
    throw new HieraxError(
      'REQUEST_INVALID',
      `since is ${shown(since)}; it takes a Julian date, or a date such as 2026-11-20`
    )
  const least = min ?? (max === undefined ? undefined : 0)
  const above = acceptOf({ node, minProbability: least }, [chosen]) ?? (() => true)
  const accept: Accept = classification => {
    if (!above(classification)) return false
    if (max === undefined) return true
    const { nodes, prediction } = classification
    const found = node === undefined ? prediction?.probability : nodes.find(({ name }) => name === node)?.probability
    return found !== undefined && found <= max
  }
  return { find: { model: chosen.sha256, since: jd, cone: coneOf({ ra, dec, radius }) }, accept }
}

interface Page {
  readonly accept: Accept
  readonly limit: number
  readonly after: string
  readonly digest: string
}

/** The lines of a page, some at a time; an empty text while none is found. */
async function* linesOf(
  objects: AsyncIterable<readonly QueriedObject[]>,
  { accept, limit, after, digest }: Page
): AsyncGenerator<string> {
  let count = 0
  let last = after
  let found = performance.now()
  const end = (cursor: string | null): string => `${JSON.stringify({ cursor, objects: count })}\n`
  try {
    for await (const batch of objects) {
      let text = ''
      for (const one of batch) {
        last = one.objectId
        if ('classification' in one && !accept(one.classification)) continue
        text += `${JSON.stringify('error' in one ? { objectId: one.objectId, error: toProblem(one.error) } : one.classification)}\n`
        if (++count >= limit) return yield text + end(cursorOf(last, digest))
      }
      if (text !== '') found = performance.now()
      else if (performance.now() - found > longestPause && last !== after) return yield end(cursorOf(last, digest))
      yield text
    }
    yield end(null)
  } catch (error) {
    if (last === after) throw error
    yield `${JSON.stringify({ error: toProblem(HieraxError.from(error)) })}\n`
  }
}

function toProblem({ code, status, message }: HieraxError): object {
  return problemOf(code, status, message)
}

async function* startingWith(first: IteratorResult<string>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (!first.done) yield first.value
  yield* rest
}

/** What a cursor is valid for: the same query. */
function digestOf({ cursor: _, limit: __, ...conditions }: Query): string {
  return createHash('sha256')
    .update(JSON.stringify(Object.entries(conditions).sort()))
    .digest('hex')
    .slice(0, 12)
}

function cursorOf(objectId: string, digest: string): string {
  return Buffer.from(`${digest}${objectId}`).toString('base64url')
}

/** The object after which a page begins. Throws REQUEST_INVALID for a cursor of another query. */
function objectIdOf(cursor: string, digest: string): string {
  const text = Buffer.from(cursor, 'base64url').toString()
  if (text.startsWith(digest)) return text.slice(digest.length)
  throw new HieraxError(
    'REQUEST_INVALID',
    `the cursor ${shown(cursor)} is not of this query: repeat the other parameters with it`
  )
}
