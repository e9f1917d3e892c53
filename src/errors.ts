type ErrorKind = 'alert' | 'usage' | 'fault' | 'request'

interface Entry {
  readonly kind: ErrorKind
  /** HTTP status when it is answered over HTTP. */
  readonly status: number
  readonly remedy: string
}

/** The errors of one kind: what to do about each, with its HTTP status if it is not the usual one. */
function errors<Code extends string>(
  kind: ErrorKind,
  usual: number,
  remedies: Record<Code, string | readonly [status: number, remedy: string]>
): Record<Code, Entry> {
  const entries = Object.entries<string | readonly [number, string]>(remedies).map(([code, given]) => {
    const [status, remedy] = typeof given === 'string' ? [usual, given] : given
    return [code, { kind, status, remedy }]
  })
  return Object.fromEntries(entries)
}

/**
 * All errors of Hierax: one table of stable codes.
 *
 * `kind` decides what happens: an `alert` error makes the packet a dead letter, a `usage` error ends the command with exit code 2, a
 * `request` error is answered over HTTP, a `fault` is a failure of Hierax or its environment (exit code 1). `remedy` tells the
 * reader what to do.
 */
const table = {
  // What can be wrong with a packet: the code of its dead letter.
  ...errors('alert', 422, {
    EMPTY_VALUE: 'Send one Avro object container file per message.',
    NOT_A_CONTAINER:
      'Send an Avro object container file (it begins with "Obj" and 0x01). For bare records, put the schema as JSON into the message key, or name it with `input.schema` (`--schema` of commands).',
    EMPTY_CONTAINER: 'Put at least one record into the container.',
    TRUNCATED: 'Send the complete packet; its bytes end before its records do.',
    SCHEMA_TOO_LARGE: 'Send a writer schema within the limit.',
    SCHEMA_INVALID: 'Embed a writer schema that follows the Avro specification.',
    UNKNOWN_CODEC: 'Use the codec null, deflate or snappy, or zstandard with Node 22.15 or later.',
    INFLATED_TOO_LARGE: 'Send blocks that decompress to less than the limit.',
    RECORD_TOO_LARGE: 'Send records within the limits on size and history length.',
    TOO_MANY_RECORDS: 'Send fewer records in one container.',
    CORRUPT_BLOCK: 'The container was damaged in transit: send it again from its source.',
    CORRUPT_RECORD: 'The record does not match its writer schema: send it again from its source.',
    MISSING_FIELD: 'Send ZTF alerts of schema 2.0 or later, with every field that Hierax reads.',
    WRONG_TYPE: 'Send the field with the type of the ZTF alert schema.',
    INVALID_VALUE: 'Send a value as described. An alert whose own measurement failed cannot be used.',
    FUTURE_DATE:
      'Correct the date, or the clock that is wrong. For a stream with simulated dates set `input.maxFutureDays` to none.',
    WRONG_SURVEY: 'Send ZTF alerts, from the survey or from a broker; there is no model for alerts of other surveys.',
    FILE_TOO_LARGE: 'Send one alert packet per file, or many in a tar archive.',
    FILE_UNREADABLE: 'Make the file readable and run the command again.',
    ARCHIVE_INVALID: 'Use a complete .tar or .tar.gz archive of .avro files; download it again if it is truncated.',
    PROCESSING_FAILED: 'This is unexpected: please report it with the packet.',
    POISON: 'The process crashed repeatedly while only this packet was in flight: please report it with the packet.',
    DECODE_FAILED: 'This is unexpected: please report it with the packet.'
  }),

  // What can be wrong with how a command was called or configured.
  ...errors('usage', 400, {
    USAGE: 'See --help.',
    NOT_INSTALLED: 'Do what the message says, then run the command again.',
    CONFIG_INVALID: 'Correct the value; `hierax serve --print-config` shows the settings in effect.',
    CONFIG_UNREADABLE: 'Name a readable YAML file.',
    INPUT_NOT_FOUND: [404, 'Name files or folders that exist.'],
    MODEL_INVALID: 'Restore the model folder from where it was published, or train the model again.',
    DATA_INVALID: 'Correct the file as the message says, or leave the object out.',
    TAXONOMY_INVALID: 'Correct the taxonomy file.',
    EXPORT_INVALID:
      'Export the store again. The lines before this one were imported; importing them again is harmless.',
    STORE_REFUSED: 'Use another store, or one that was created with these settings.'
  }),

  // What can fail in Hierax or around it, and a message that claims to be a classification.
  ...errors('fault', 503, {
    RUNTIME_UNAVAILABLE: 'Use `runtime: wasm`, or run `npm run setup:tensorflow`.',
    KAFKA_UNAVAILABLE: 'Check the brokers, the network and the credentials.',
    KAFKA_BATCH_UNREADABLE:
      'A compressed record batch is damaged or too large: inspect what its producer wrote at that offset.',
    TOPIC_NOT_FOUND: [404, 'Name a topic that exists; the service creates its output topics when it starts.'],
    TOPIC_NOT_CREATED: 'Create the topic yourself, or change `output.replication` or the permissions.',
    TOPIC_NOT_COMPACTED: 'Set `cleanup.policy=compact` on it, and run `hierax reclassify` if records were removed.',
    REGISTRY_UNAVAILABLE: 'Check `output.registry`, the network and the credentials.',
    PUBLISH_FAILED: 'Check the output cluster; consumption is paused until it responds.',
    STORE_FAILED: 'Check the disk or the server behind `store.url`.',
    STORE_CORRUPT: [500, 'Run `hierax store verify`; the object is rebuilt from the alerts that follow.'],
    OUTPUT_FAILED: [500, 'Free disk space, or name another file.'],
    SERVICE_UNAVAILABLE: 'Start the service, or name its address with `--url`.',
    HTTP_UNAVAILABLE: 'Choose another `http.port`.',
    INTERNAL: [500, 'This is unexpected: please report it.'],
    MESSAGE_UNREADABLE: [422, 'Read a topic of classifications, with a release of Hierax that supports their schema.']
  }),

  // What can be wrong with a request over HTTP.
  ...errors('request', 404, {
    OBJECT_NOT_FOUND: 'Request an object for which an alert was received.',
    CUTOUT_NOT_FOUND: 'Request an object whose `cutouts` are not empty; `http.cutouts` turns them on.',
    CUTOUT_INVALID: [422, 'The image in the alert is damaged: take it from the survey’s archive.'],
    ROUTE_NOT_FOUND: 'See /api/docs for the available routes.',
    MODEL_NOT_FOUND: 'Name a model that /api/v1/model lists, or leave the parameter out.',
    MODEL_AMBIGUOUS: [400, 'Identify the model by the first digits of its SHA-256.'],
    NODE_NOT_FOUND: 'Name a node that /api/v1/taxonomy lists.',
    METHOD_NOT_ALLOWED: [405, 'Use GET: the API is read-only.'],
    REQUEST_INVALID: [400, 'See /api/docs for the values of the parameter.'],
    UNAUTHORIZED: [401, 'Send the bearer token that `http.token` sets.'],
    TOO_MANY_REQUESTS: [429, 'Send fewer requests.'],
    TOO_MANY_QUERIES: [503, 'Wait until other queries have ended, or read the Kafka topics.'],
    INDEX_INCOMPLETE: [503, 'Repeat the query in a minute: the index of positions is built once after an upgrade.'],
    TOO_MANY_SUBSCRIBERS: [503, 'Close other event streams, or read the Kafka topics.']
  })
}

/** A stable name of something that went wrong. */
export type ErrorCode = keyof typeof table

/** All codes with their kind, HTTP status and remedy, for the reference documentation. */
export const errorTable: Readonly<Record<ErrorCode, Entry>> = table

/** An error of the table. `message` says what was wrong and with what value, printable; `remedy` what to do. */
export class HieraxError extends Error {
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly status: number
  readonly remedy: string
  /** Index of the record that was refused, counted from 0, where the error is about one record of a container. */
  readonly record?: number

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; record?: number }) {
    super(message.split('\n').map(printable).join('\n'), options)
    this.name = 'HieraxError'
    this.code = code
    const { kind, status, remedy } = table[code]
    this.kind = kind
    this.status = status
    this.remedy = remedy
    if (options?.record !== undefined) this.record = options.record
  }

  /** Any thrown value as a HieraxError: itself, or wrapped under `code`. */
  static from(thrown: unknown, code: ErrorCode = 'INTERNAL'): HieraxError {
    if (thrown instanceof HieraxError) return thrown
    return new HieraxError(code, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown })
  }
}

/** An error for people: `hierax: CODE: message. remedy`, the remedy on a line of its own after a message of several lines. */
export function describeError(error: HieraxError): string {
  const { code, message, remedy } = error
  return `hierax: ${code}: ${message}${/[.?!]$/.test(message) ? '' : '.'}${message.includes('\n') ? '\n' : ' '}${remedy}`
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
