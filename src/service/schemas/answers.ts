import { type ErrorCode, errorTable } from '../../errors.ts'
import * as example from '../examples.ts'
import { problemOf } from '../problems.ts'
import { integer, record, ref, string } from './kinds.ts'

/** What every route says when something is wrong. */
export const problem = record(
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
