import fs from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { Kafka, type KafkaConfig, type LogEntry, logLevel, type RetryOptions, type SASLOptions } from 'kafkajs'
import { HieraxError } from '../../../errors.ts'
import { checkRegular } from '../../../regular-file.ts'
import { registerCodecs } from './codecs.ts'
import type { KafkaConnection, KafkaLogger } from './connection.ts'
import { RepeatedLines } from './failure-log.ts'
import type { FramePool } from './frame-pool.ts'
import { framedSockets } from './framed-socket.ts'

/** How often and how fast kafkajs retries a request by itself. */
export const retries = {
  /** Frequent retries for about a minute: a broker that returns is noticed at once, and a restart of a broker is tolerated. */
  patient: { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 },
  /** For callers that retry by themselves and report every failure. */
  brief: { initialRetryTime: 100, maxRetryTime: 500, retries: 3 },
  /** For interactive commands: gives up after some seconds. */
  interactive: { initialRetryTime: 100, maxRetryTime: 1500, retries: 5 }
} as const satisfies Record<string, RetryOptions>

/** Log lines that are normal while a cluster starts or elects leaders (kafkajs retries), and those about responses after their time limit. */
const expectedAtStart =
  /LEADER_NOT_AVAILABLE|NOT_LEADER|COORDINATOR|GROUP_LOAD_IN_PROGRESS|REBALANCE_IN_PROGRESS|leadership election|not the leader|coordinator (?:is|not)|does not host this topic-partition|group is rebalancing|loading|Response without match/i

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

/** By connection: successive clients share it. */
const repeatedLines = new WeakMap<KafkaConnection, RepeatedLines>()

function logTo(logger: KafkaLogger, connection: KafkaConnection): NonNullable<KafkaConfig['logCreator']> {
  const repeated = repeatedLines.get(connection) ?? new RepeatedLines()
  repeatedLines.set(connection, repeated)
  return () => entry => {
    const message = String(entry.log.message).slice(0, 500)
    const error = String(entry.log.error ?? '')
    const level = entry.level === logLevel.ERROR ? 'error' : entry.level === logLevel.WARN ? 'warn' : 'debug'
    const fields = fieldsOf(entry)
    if (level === 'debug' || expectedAtStart.test(`${message} ${error}`)) return logger.debug(fields, message)
    const times = repeated.due(`${entry.namespace} ${message} ${error}`)
    logger[times === null ? 'debug' : level](times === null || times === 1 ? fields : { ...fields, times }, message)
  }
}

function tlsOptions(ssl: KafkaConnection['ssl']): boolean | ConnectionOptions {
  if (typeof ssl === 'boolean') return ssl
  const files = Object.entries(ssl).filter(([, file]) => file !== undefined)
  return Object.fromEntries(files.map(([name, file]) => [name, readPem(name, file)]))
}

function readPem(name: string, file: string): string {
  try {
    checkRegular(file)
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    const message = `ssl.${name}: the PEM file ${JSON.stringify(file)} can't be read`
    throw new HieraxError('CONFIG_INVALID', message, { cause })
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
 * A kafkajs client with the compression codecs registered, not connected yet. Its log lines go to `logger`; those that are normal while a
 * cluster starts have level debug.
 *
 * @param retry kafkajs's own retries of every request, see {@link retries}
 * @param frames the pool into which long responses are read; without it, each gets new memory
 *
 * @throws {HieraxError} CONFIG_INVALID when a PEM file can't be read.
 */
export function createKafka(
  connection: KafkaConnection,
  logger: KafkaLogger,
  retry: RetryOptions = retries.patient,
  frames?: FramePool
): Kafka {
  suppressKnownWarnings()
  registerCodecs()
  return new Kafka({
    brokers: [...connection.brokers],
    clientId: connection.clientId,
    ssl: tlsOptions(connection.ssl),
    ...(connection.sasl === null ? {} : { sasl: { ...connection.sasl } as SASLOptions }),
    connectionTimeout: 5000,
    socketFactory: framedSockets(connection, frames),
    retry: { ...retry },
    logLevel: logLevel.INFO,
    logCreator: logTo(logger, connection)
  })
}
