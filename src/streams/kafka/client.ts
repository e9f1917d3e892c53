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

/**
 * How often and how fast kafkajs retries by itself: quickly, and for about a minute, so that a broker that comes back
 * is noticed at once and none that restarts is given up.
 */
export const patientRetry = { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 } as const satisfies RetryOptions

/** What a cluster answers while it starts or elects leaders; kafkajs retries all of them. */
const expectedAtStart =
  /LEADER_NOT_AVAILABLE|NOT_LEADER|COORDINATOR|GROUP_LOAD_IN_PROGRESS|REBALANCE_IN_PROGRESS|leadership election|not the leader|coordinator (?:is|not)|does not host this topic-partition|group is rebalancing|loading/i

/** Fields of kafkajs's log entries that may pass: numbers, short texts; never a message's content. */
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

let warningsQuieted = false

/**
 * kafkajs sets timers with delays below zero, about which Node 22 and later warn on every run. That one warning is
 * dropped; all others go their way.
 */
function quietKnownWarnings(): void {
  // kafkajs speaks of its change of partitioner once per process; partitions are computed here.
  process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
  if (warningsQuieted) return
  warningsQuieted = true
  const emit = process.emit
  const filtered = function (this: NodeJS.Process, ...args: unknown[]): boolean {
    const [event, warning] = args
    if (event === 'warning' && warning instanceof Error && warning.name === 'TimeoutNegativeWarning') return false
    return Reflect.apply(emit, this, args) as boolean
  }
  process.emit = filtered as typeof process.emit
}

/**
 * A kafkajs client for a cluster: compression codecs registered, its log lines passed on to `logger` (what is
 * expected while a cluster starts at level debug). Connects to nothing yet.
 *
 * `retry` is kafkajs's own for every request of the client; see {@link patientRetry}.
 *
 * @throws {HieraxError} CONFIG_INVALID when a PEM file can't be read.
 */
export function createKafka(
  connection: KafkaConnection,
  logger: KafkaLogger,
  retry: RetryOptions = patientRetry
): Kafka {
  quietKnownWarnings()
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

/** A failure of kafkajs, in our words: which cluster, what it said, and whether it was about credentials or TLS. */
export function kafkaError(thrown: unknown, connection: KafkaConnection): HieraxError {
  if (thrown instanceof HieraxError) return thrown
  const where = connection.brokers.join(', ')
  const reason = rootCause(thrown)
  const name = reason instanceof Error ? reason.name : ''
  const text = (reason instanceof Error ? reason.message : String(reason)).slice(0, 300)
  if (/SASL/.test(name))
    return new HieraxError('KAFKA_UNAVAILABLE', `The Kafka cluster at ${where} refused the credentials: ${text}`, {
      cause: thrown
    })
  return new HieraxError('KAFKA_UNAVAILABLE', `The Kafka cluster at ${where} does not answer: ${text}`, {
    cause: thrown
  })
}

/** The error at the end of a chain of causes. */
export function rootCause(thrown: unknown): unknown {
  let error = thrown
  for (let depth = 0; depth < 5 && error instanceof Error && error.cause instanceof Error; depth++) error = error.cause
  return error
}
