import fs from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { Kafka, type KafkaConfig, type LogEntry, logLevel, type RetryOptions, type SASLOptions } from 'kafkajs'
import { HieraxError } from '../../errors.ts'
import { registerCodecs } from './codecs.ts'
import { framedSocket } from './framed-socket.ts'

/** How to reach a cluster. */
export interface KafkaConnection {
  /** `host:port` of one broker or more. */
  readonly brokers: readonly string[]
  /** TLS: false is off, true trusts the system's roots, else paths of PEM files (any of them turns TLS on). */
  readonly ssl: boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  } | null
  readonly clientId: string
}

/** The part of pino's logger that is used here. */
export interface KafkaLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** For clients whose caller reports every failure itself. */
export const silentLogger: KafkaLogger = { debug() {}, info() {}, warn() {}, error() {} }

/** The same logger with every line at level debug: for clients whose caller retries and reports failures itself. */
export function debugOnly(logger: KafkaLogger): KafkaLogger {
  const debug: KafkaLogger['debug'] = (fields, message) => logger.debug(fields, message)
  return { debug, info: debug, warn: debug, error: debug }
}

/** How often and how fast kafkajs retries a request by itself. */
export const retries = {
  /** Frequent retries for about a minute: a broker that returns is noticed at once, and a restart of a broker is tolerated. */
  patient: { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 },
  /** For callers that retry by themselves and report every failure. */
  brief: { initialRetryTime: 100, maxRetryTime: 500, retries: 3 },
  /** For interactive commands: gives up after some seconds. */
  interactive: { initialRetryTime: 100, maxRetryTime: 1500, retries: 5 }
} as const satisfies Record<string, RetryOptions>

/** Errors that are normal while a cluster starts or elects leaders; kafkajs retries them. */
const expectedAtStart =
  /LEADER_NOT_AVAILABLE|NOT_LEADER|COORDINATOR|GROUP_LOAD_IN_PROGRESS|REBALANCE_IN_PROGRESS|leadership election|not the leader|coordinator (?:is|not)|does not host this topic-partition|group is rebalancing|loading/i

/** Loggable fields of a kafkajs log entry: numbers and short texts, never a message's content. */
function fieldsOf(entry: LogEntry): Record<string, unknown> {
  const { timestamp: _timestamp, logger: _logger, message: _message, stack: _stack, ...rest } = entry.log
  const fields: Record<string, unknown> = { client: entry.namespace || 'kafkajs' }
  for (const [name, value] of Object.entries(rest)) {
    if (typeof value === 'number' || typeof value === 'boolean') fields[name] = value
    else if (typeof value === 'string' && name !== 'payload') fields[name] = value.slice(0, 200)
  }
  return fields
}

function bridge(logger: KafkaLogger): KafkaConfig['logCreator'] {
  return () => entry => {
    const fields = fieldsOf(entry)
    const message = String(entry.log.message).slice(0, 500)
    const expected = expectedAtStart.test(`${message} ${String(entry.log.error ?? '')}`)
    if (entry.level >= logLevel.DEBUG || expected) logger.debug(fields, message)
    else if (entry.level === logLevel.ERROR) logger.error(fields, message)
    else if (entry.level === logLevel.WARN) logger.warn(fields, message)
    else logger.debug(fields, message)
  }
}

function readPem(name: string, file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HieraxError('CONFIG_INVALID', `ssl.${name}: the PEM file ${JSON.stringify(file)} can't be read`, {
      cause
    })
  }
}

function tlsOptions(ssl: KafkaConnection['ssl']): boolean | ConnectionOptions {
  if (typeof ssl === 'boolean') return ssl
  return {
    ...(ssl.ca === undefined ? {} : { ca: [readPem('ca', ssl.ca)] }),
    ...(ssl.cert === undefined ? {} : { cert: readPem('cert', ssl.cert) }),
    ...(ssl.key === undefined ? {} : { key: readPem('key', ssl.key) })
  }
}

let warningsSuppressed = false

/** kafkajs sets timers with negative delays; Node 22 and later warn about them on every run. Drops only that warning. */
function suppressKnownWarnings(): void {
  // kafkajs warns once per process about its change of partitioner. Hierax computes partitions itself.
  process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
  if (warningsSuppressed) return
  warningsSuppressed = true
  const emit = process.emit
  const filtered = function (this: NodeJS.Process, ...args: unknown[]): boolean {
    const [event, warning] = args
    if (event === 'warning' && warning instanceof Error && warning.name === 'TimeoutNegativeWarning') return false
    return Reflect.apply(emit, this, args) as boolean
  }
  process.emit = filtered as typeof process.emit
}

/**
 * A kafkajs client with the compression codecs registered. Its log lines go to `logger`, those that are normal while a
 * cluster starts at level debug. Connects to nothing yet.
 *
 * @param retry kafkajs's own retries of every request, see {@link retries}
 *
 * @throws {HieraxError} CONFIG_INVALID when a PEM file can't be read.
 */
export function createKafka(
  connection: KafkaConnection,
  logger: KafkaLogger,
  retry: RetryOptions = retries.patient
): Kafka {
  suppressKnownWarnings()
  registerCodecs()
  return new Kafka({
    brokers: [...connection.brokers],
    clientId: connection.clientId,
    ssl: tlsOptions(connection.ssl),
    ...(connection.sasl === null ? {} : { sasl: { ...connection.sasl } as SASLOptions }),
    connectionTimeout: 5000,
    socketFactory: framedSocket,
    retry: { ...retry },
    logLevel: logLevel.INFO,
    logCreator: bridge(logger) as NonNullable<KafkaConfig['logCreator']>
  })
}

/** A failure of kafkajs as a KAFKA_UNAVAILABLE error that names the cluster and the cause; a HieraxError stays as it is. */
export function kafkaError(thrown: unknown, connection: KafkaConnection): HieraxError {
  if (thrown instanceof HieraxError) return thrown
  const cause = rootCause(thrown)
  const problem = cause instanceof Error && /SASL/.test(cause.name) ? 'refused the credentials' : 'does not answer'
  const text = (cause instanceof Error ? cause.message : String(cause)).slice(0, 300)
  return new HieraxError(
    'KAFKA_UNAVAILABLE',
    `The Kafka cluster at ${connection.brokers.join(', ')} ${problem}: ${text}`,
    { cause: thrown }
  )
}

/** The error at the end of a chain of causes. */
export function rootCause(thrown: unknown): unknown {
  let error = thrown
  for (let depth = 0; depth < 5 && error instanceof Error && error.cause instanceof Error; depth++) error = error.cause
  return error
}

/** Kafka's name of the error (`NOT_LEADER_FOR_PARTITION`) when a broker reported it; else null. */
export function protocolErrorType(error: unknown): string | null {
  const type = (rootCause(error) as { type?: unknown } | null)?.type
  return typeof type === 'string' ? type : null
}
