import type { KafkaLogger } from '../../src/streams/kafka/client/connection.ts'

const nothing = (): void => {}

/** A logger that discards everything. */
export const silent: KafkaLogger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** A logged line. */
export interface LogLine {
  readonly level: keyof KafkaLogger
  readonly message: string
  readonly fields: object
}

/** A logger that records its lines. */
export function recorder(): { logger: KafkaLogger; lines: LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: keyof KafkaLogger) => (fields: object, message: string) =>
    void lines.push({ level, message, fields })
  return { logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines }
}
