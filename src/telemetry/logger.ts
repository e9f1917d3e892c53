import { Writable } from 'node:stream'
import { destination, type Logger, pino, stdSerializers } from 'pino'
import { build as pretty } from 'pino-pretty'
import { printable } from '../errors.ts'

export type { Logger }

/** Where and how to log. */
export interface LoggerOptions {
  /** Least severe level that is logged. */
  readonly level?: string
  /** Where lines go: `stderr` for commands whose stdout is their answer. Default `stdout`. */
  readonly to?: 'stdout' | 'stderr'
  /** Lines for people instead of JSON. Default: when the stream is a terminal. */
  readonly pretty?: boolean
  /** Fields of every line. */
  readonly base?: Readonly<Record<string, unknown>>
  /** Receives the lines in place of a stream of the process. */
  readonly stream?: { write(line: string): void }
}

/**
 * A logger: JSON lines, or lines for people on a terminal. Lines are written at once, so that the last ones before an
 * exit are not lost; Hierax logs one line per notable event, never one per alert.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const output = options.to === 'stderr' ? process.stderr : process.stdout
  const forPeople = options.pretty ?? (options.stream === undefined && output.isTTY === true)
  const settings = {
    level: options.level ?? 'info',
    base: { pid: process.pid, ...options.base },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: stdSerializers.errWithCause },
    redact: { paths: ['token', 'password', '*.token', '*.password', '*.*.password'], censor: '********' }
  }
  const fd = options.to === 'stderr' ? 2 : 1
  if (!forPeople) return pino(settings, options.stream ?? destination({ fd, sync: true }))
  const stream = pretty({
    destination: options.stream === undefined ? fd : toWritable(options.stream),
    sync: true,
    colorize: options.stream === undefined && output.hasColors?.() === true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
    // A name out of a packet must not steer the terminal; in JSON lines control characters are escaped anyway.
    messageFormat: (line, messageKey) => printable(String(line[messageKey] ?? ''))
  })
  return pino(settings, stream)
}

function toWritable(stream: { write(line: string): void }): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      stream.write(String(chunk))
      done()
    }
  })
}
