import { HieraxError } from '../../../errors.ts'
import { hintFor, misfitOf } from './security-hints.ts'

/** How to reach a cluster. */
export interface KafkaConnection {
  /** `host:port` of one broker or more. */
  readonly brokers: readonly string[]
  /** TLS: false is off, true trusts the system's roots; otherwise paths of PEM files (any of them turns TLS on). */
  readonly ssl: boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  } | null
  readonly clientId: string
  /** Name of the cluster's role in the service, for messages. */
  readonly role?: 'input' | 'output'
}

/** The part of pino's logger that is used here. */
export type KafkaLogger = Readonly<
  Record<'debug' | 'info' | 'warn' | 'error', (fields: object, message: string) => void>
>

/** For clients whose caller reports every failure itself. */
export const silentLogger: KafkaLogger = { debug() {}, info() {}, warn() {}, error() {} }

/** The same logger with every line at level debug: for clients whose caller retries and reports failures itself. */
export function debugOnly(logger: KafkaLogger): KafkaLogger {
  const debug: KafkaLogger['debug'] = (fields, message) => logger.debug(fields, message)
  return { debug, info: debug, warn: debug, error: debug }
}

/** The same logger; `see` gets the fields of every line first. */
export function watched(logger: KafkaLogger, see: (fields: { readonly error?: unknown }) => void): KafkaLogger {
  const at = (level: keyof KafkaLogger) => (fields: object, message: string) => {
    see(fields)
    logger[level](fields, message)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** A failure of kafkajs as a KAFKA_UNAVAILABLE error that names the cluster and the cause; a HieraxError stays as it is. */
export function kafkaError(thrown: unknown, connection: Omit<KafkaConnection, 'clientId'>): HieraxError {
  if (thrown instanceof HieraxError) return thrown
  const { brokers, role } = connection
  const text = reasonOf(thrown, connection)
  const name = `The Kafka cluster at ${brokers.join(', ')}${role === undefined ? '' : ` (${role})`}`
  const message = `${name} ${problems[kafkaProblem(thrown)]}: ${text}`
  return new HieraxError('KAFKA_UNAVAILABLE', message, { cause: thrown })
}

/** The message at the end of a chain of causes, with the setting to change if it was caused by one. */
export function reasonOf(thrown: unknown, connection: Omit<KafkaConnection, 'clientId'>): string {
  const cause = rootCause(thrown)
  const text = (cause instanceof Error ? cause.message : String(cause)).slice(0, 300)
  const misfit = misfitOf(protocolErrorType(thrown))
  return misfit === null ? text : `${text} (${hintFor(misfit, connection)})`
}

const problems = {
  credentials: 'refused the credentials',
  security: 'does not fit the settings for TLS and SASL',
  authorization: 'refused access',
  silence: 'does not answer',
  other: 'does not answer'
}

export type KafkaProblem = keyof typeof problems

/**
 * Kind of a failure: the cluster refuses the credentials, requires other security settings, denies an operation, or does not answer. `other`
 * is everything else, such as a fault of the client.
 */
export function kafkaProblem(error: unknown): KafkaProblem {
  const cause = rootCause(error)
  const name = cause instanceof Error ? cause.name : ''
  const type = protocolErrorType(error)
  if (/SASL/.test(name) || type === 'UNSUPPORTED_SASL_MECHANISM') return 'credentials'
  if (misfitOf(type ?? (cause as { code?: unknown } | null)?.code) !== null) return 'security'
  if (/AUTHORIZATION_FAILED$/.test(type ?? '')) return 'authorization'
  return /Connection|BrokerNotFound|NoBroker|CoordinatorNotFound|RequestTimeout|LockTimeout/.test(name)
    ? 'silence'
    : 'other'
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
