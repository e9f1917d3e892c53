import { HieraxError } from '../../errors.ts'

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

/** A failure of kafkajs as a KAFKA_UNAVAILABLE error that names the cluster and the cause; a HieraxError stays as it is. */
export function kafkaError(thrown: unknown, { brokers }: Pick<KafkaConnection, 'brokers'>): HieraxError {
  if (thrown instanceof HieraxError) return thrown
  const cause = rootCause(thrown)
  const problem = cause instanceof Error && /SASL/.test(cause.name) ? 'refused the credentials' : 'does not answer'
  const text = (cause instanceof Error ? cause.message : String(cause)).slice(0, 300)
  const message = `The Kafka cluster at ${brokers.join(', ')} ${problem}: ${text}`
  return new HieraxError('KAFKA_UNAVAILABLE', message, { cause: thrown })
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
