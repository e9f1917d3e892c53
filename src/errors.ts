/**
 * All errors of Hierax: one table of stable codes.
 *
 * `kind` decides what happens: an `alert` error makes the packet a dead letter, a `usage` error ends the command with exit code 2, a
 * `request` error is answered over HTTP, a `fault` is a failure of Hierax or its environment (exit code 1). `remedy` tells the
 * reader what to do.
 */
const table = {
  // What can be wrong with a packet: the code of its dead letter.
  EMPTY_VALUE: entry('alert', 422, 'Send one Avro object container file per message.'),
  NOT_A_CONTAINER: entry(
    'alert',
    422,
    'Send an Avro object container file (it begins with "Obj" and 0x01), not a bare record.'
  ),
  EMPTY_CONTAINER: entry('alert', 422, 'Send at least one record in the container.'),
  TRUNCATED: entry('alert', 422, 'Send the complete packet; its bytes end before its records do.'),
  SCHEMA_TOO_LARGE: entry('alert', 422, 'Send a writer schema within the limit.'),
  SCHEMA_INVALID: entry('alert', 422, 'Embed a writer schema that follows the Avro specification.'),
  UNKNOWN_CODEC: entry('alert', 422, 'Compress blocks with null, deflate or snappy.'),
  INFLATED_TOO_LARGE: entry('alert', 422, 'Send blocks that inflate to less than the limit.'),
  RECORD_TOO_LARGE: entry('alert', 422, 'Send records within the limits on size and history length.'),
  TOO_MANY_RECORDS: entry('alert', 422, 'Send fewer records in one container.'),
  CORRUPT_BLOCK: entry('alert', 422, 'The container was damaged in transit: send it again from its source.'),
  CORRUPT_RECORD: entry('alert', 422, 'The record does not match its writer schema: send it again from its source.'),
  MISSING_FIELD: entry('alert', 422, 'Send ZTF alerts of schema 2.0 or later, with every field that Hierax reads.'),
  WRONG_TYPE: entry('alert', 422, 'Send the field with the type of the ZTF alert schema.'),
  INVALID_VALUE: entry('alert', 422, 'Send a value within the range that the ZTF alert schema documents.'),
  WRONG_SURVEY: entry('alert', 422, 'Send ZTF alerts; packets of other surveys are not read.'),
  FILE_TOO_LARGE: entry('alert', 422, 'Send one alert packet per file, or many in a tar archive.'),
  FILE_UNREADABLE: entry('alert', 422, 'Make the file readable and run the command again.'),
  ARCHIVE_INVALID: entry(
    'alert',
    422,
    'Send a whole .tar or .tar.gz archive of .avro files; fetch it again if it was cut.'
  ),
  PROCESSING_FAILED: entry('alert', 422, 'This is unexpected: please report it with the packet.'),
  POISON: entry(
    'alert',
    422,
    'The process crashed each time only this packet was in flight: please report it with the packet.'
  ),
  DECODE_FAILED: entry('alert', 422, 'This is unexpected: please report it with the packet.'),

  // What can be wrong with how a command was called or configured.
  USAGE: entry('usage', 400, 'See --help.'),
  NOT_INSTALLED: entry('usage', 400, 'Install the package, and run the command again.'),
  CONFIG_INVALID: entry('usage', 400, 'Correct the value; `hierax serve --print-config` shows what is in force.'),
  CONFIG_UNREADABLE: entry('usage', 400, 'Name a readable YAML file.'),
  INPUT_NOT_FOUND: entry('usage', 404, 'Name files or folders that exist.'),
  MODEL_INVALID: entry('usage', 400, 'Restore the model folder from where it was published, or train it again.'),
  DATA_INVALID: entry('usage', 400, 'Correct the line of the light-curve file, or leave the object out.'),
  TAXONOMY_INVALID: entry('usage', 400, 'Correct the taxonomy file.'),
  EXPORT_INVALID: entry(
    'usage',
    400,
    'Export the store again. The lines before this one are imported; importing them again does no harm.'
  ),
  STORE_REFUSED: entry('usage', 400, 'Name another store, or the one that was created with these settings.'),

  // What can fail outside of us.
  RUNTIME_UNAVAILABLE: entry('fault', 503, 'Use `runtime: wasm`, or run `npm run setup:tensorflow`.'),
  KAFKA_UNAVAILABLE: entry('fault', 503, 'Check the brokers, the network and the credentials.'),
  KAFKA_BATCH_UNREADABLE: entry(
    'fault',
    503,
    'A compressed record batch is damaged or too large: inspect what its producer wrote at that offset.'
  ),
  TOPIC_NOT_FOUND: entry(
    'fault',
    404,
    'Name a topic that exists; the service creates its output topics when it starts.'
  ),
  TOPIC_NOT_CREATED: entry(
    'fault',
    503,
    'Create the topic yourself, or change `output.replication` or the permissions.'
  ),
  PUBLISH_FAILED: entry('fault', 503, 'Check the output cluster; consumption is paused until it answers.'),
  STORE_FAILED: entry('fault', 503, 'Check the disk or the server behind `store.url`.'),
  STORE_CORRUPT: entry('fault', 500, 'Run `hierax store verify`; the object is rebuilt from the alerts that follow.'),
  OUTPUT_FAILED: entry('fault', 500, 'Free disk space, or name another file.'),
  HTTP_UNAVAILABLE: entry('fault', 503, 'Choose another `http.port`.'),
  INTERNAL: entry('fault', 500, 'This is unexpected: please report it.'),

  // What can be wrong with a message that claims to be a classification.
  MESSAGE_UNREADABLE: entry('fault', 422, 'Read a topic of classifications, with a release that knows their schema.'),

  // What a request over HTTP can get wrong.
  OBJECT_NOT_FOUND: entry('request', 404, 'Request an object for which an alert was received.'),
  ROUTE_NOT_FOUND: entry('request', 404, 'See /api/docs for the available routes.'),
  MODEL_NOT_FOUND: entry('request', 404, 'Name a model that /api/v1/model lists, or none.'),
  MODEL_AMBIGUOUS: entry('request', 400, 'Name the model by the first digits of its SHA-256.'),
  NODE_NOT_FOUND: entry('request', 404, 'Name a node that /api/v1/taxonomy lists.'),
  METHOD_NOT_ALLOWED: entry('request', 405, 'Use GET: the API is read-only.'),
  REQUEST_INVALID: entry('request', 400, 'See /api/docs for the values of the parameter.'),
  UNAUTHORIZED: entry('request', 401, 'Send the bearer token of `http.token`.'),
  TOO_MANY_REQUESTS: entry('request', 429, 'Send fewer requests.'),
  TOO_MANY_SUBSCRIBERS: entry('request', 503, 'Close other event streams, or read the Kafka topics.')
} as const

type ErrorKind = 'alert' | 'usage' | 'fault' | 'request'

function entry(kind: ErrorKind, status: number, remedy: string): { kind: ErrorKind; status: number; remedy: string } {
  return { kind, status, remedy }
}

/** A stable name of something that went wrong. */
export type ErrorCode = keyof typeof table

/** All codes with their kind, HTTP status and remedy, for the reference documentation. */
export const errorTable: Readonly<Record<ErrorCode, { kind: ErrorKind; status: number; remedy: string }>> = table

/** An error of the table. `message` says what was wrong and with what value; `remedy` what to do. */
export class HieraxError extends Error {
  readonly code: ErrorCode
  readonly kind: ErrorKind
  /** HTTP status when it is answered over HTTP. */
  readonly status: number
  readonly remedy: string
  /** Index of the record that was refused, counted from 0, where the error is about one record of a container. */
  readonly record?: number

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; record?: number }) {
    super(message, options)
    this.name = 'HieraxError'
    this.code = code
    this.kind = table[code].kind
    this.status = table[code].status
    this.remedy = table[code].remedy
    if (options?.record !== undefined) this.record = options.record
  }

  /** Any thrown value as a HieraxError: itself, or wrapped under `code`. */
  static from(thrown: unknown, code: ErrorCode = 'INTERNAL'): HieraxError {
    if (thrown instanceof HieraxError) return thrown
    return new HieraxError(code, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown })
  }
}

/** Text with control characters (and those that reverse its direction) escaped, so that a terminal shows it as it is. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    character => `\\u${(character.codePointAt(0) as number).toString(16).padStart(4, '0')}`
  )
}

/** A value as it may be shown in a message: JSON, printable, at most `limit` characters, never a packet's bytes. */
export function shown(value: unknown, limit = 80): string {
  let text: string
  if (typeof value === 'bigint') text = String(value)
  else if (value instanceof Uint8Array) text = `${value.length} bytes`
  else if (typeof value === 'string') text = JSON.stringify(value.length > limit ? value.slice(0, limit) : value)
  else if (typeof value === 'number' || value === undefined) text = String(value)
  else if (Array.isArray(value)) text = `an array of ${value.length}`
  else if (typeof value === 'object' && value !== null) text = 'an object'
  else text = String(value)
  // JSON escapes only the first 32 of the control characters.
  return printable(text.length > limit ? `${text.slice(0, limit)}…` : text)
}

/** The candidate that is nearest to a name, by the number of edits; letters' case does not count. */
export function nearest(name: string, candidates: readonly string[]): string {
  // The name may be long and hostile; beyond this length it resembles nothing.
  const given = name.slice(0, 200).toLowerCase()
  const distances = candidates.map(candidate => editDistance(given, candidate.toLowerCase()))
  return candidates[distances.indexOf(Math.min(...distances))] ?? ''
}

/** Levenshtein distance, by rows of its table (Wagner and Fischer 1974). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let index = 0; index < from.length; index++) {
    const next = [index + 1]
    for (let at = 1; at <= to.length; at++) {
      const replaced = (row[at - 1] as number) + (from[index] === to[at - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[at] as number) + 1, (next[at - 1] as number) + 1))
    }
    row = next
  }
  return row[to.length] as number
}
