import type { HieraxError } from '../errors.ts'
import type { InputMessage, OutputMessage } from '../streams/types.ts'
import { version } from '../version.ts'
import { type Classification, schemaName } from './classification.ts'
import { type Encoding, encodeClassification } from './encoding.ts'
import { type Route, unmetConditions } from './routes.ts'

/** Output topics and the encoding of messages. */
export interface OutputSettings {
  readonly classifications: string
  readonly deadLetters: string
  readonly encoding: Encoding
  readonly routes: readonly Route[]
  /** For the encoding `confluent`, the id of the schema by topic. */
  readonly schemaIds?: ReadonlyMap<string, number>
}

/** The input message that led to a classification. */
export type Origin = Omit<InputMessage, 'value'>

/**
 * A classification as output messages: one to the topic of all classifications, and one for each matching route. What topics of retracting
 * routes get, `RetractingTopics` decides.
 */
export function classificationMessages(
  body: Classification,
  origin: Origin,
  settings: OutputSettings
): OutputMessage[] {
  return topicsOf(body, settings).map(topic => routedMessage(topic, body, origin, settings))
}

/** A classification as a message to one topic, with further headers. */
export function routedMessage(
  topic: string,
  body: Classification,
  origin: Origin,
  { encoding, schemaIds }: Pick<OutputSettings, 'encoding' | 'schemaIds'>,
  headers: Readonly<Record<string, string>> = {}
): OutputMessage {
  return {
    topic,
    key: body.objectId,
    value: encodeClassification(body, encoding, schemaIds?.get(topic)),
    headers: {
      id: body.id,
      schema: schemaName,
      source: origin.source,
      ingested: String(origin.ingested),
      published: String(Date.now()),
      ...headers
    }
  }
}

/** The dead letter for an input message: the original bytes, with headers that say what was wrong. */
export function deadLetterMessage(message: InputMessage, error: HieraxError, settings: OutputSettings): OutputMessage {
  return {
    topic: settings.deadLetters,
    key: null,
    value: message.value ?? new Uint8Array(),
    headers: {
      'error.code': error.code,
      'error.message': `${error.message}. ${error.remedy}`,
      ...(error.record === undefined ? {} : { 'error.record': String(error.record) }),
      source: message.source,
      failed: String(Date.now()),
      'hierax.version': version
    }
  }
}

function topicsOf(body: Classification, settings: OutputSettings): string[] {
  const topics = new Set([settings.classifications])
  for (const route of settings.routes)
    if (!route.retract && unmetConditions(body, route).length === 0) topics.add(route.topic)
  return [...topics]
}
