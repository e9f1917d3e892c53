import { isUtf8 } from 'node:buffer'
import type { HieraxError } from '../errors.ts'
import type { InputMessage, OutputMessage } from '../streams/types.ts'
import { version } from '../version.ts'
import { type Classification, schemaName } from './classification.ts'
import { type DescTopic, descSchemaName, encodeForDesc } from './desc.ts'
import { type Encoding, encodeClassification } from './encoding.ts'
import { type Route, routeProbability, unmetConditions } from './routes.ts'

/** The topic of current classifications. */
export interface CurrentTopic {
  readonly topic: string
  /** Consumer group of the input. */
  readonly group: string
}

/** Output topics and the encoding of messages. */
export interface OutputSettings {
  readonly classifications: string
  readonly deadLetters: string
  readonly encoding: Encoding
  readonly routes: readonly Route[]
  /** The topic of current classifications; absent or null: none. */
  readonly current?: CurrentTopic | null
  /** The topic of classifications in DESC's form; absent or null: none. */
  readonly desc?: DescTopic | null
  /** For the encoding `confluent`, the id of the schema by topic. */
  readonly schemaIds?: ReadonlyMap<string, number>
}

/** The input message that led to a classification. */
export type Origin = Omit<InputMessage, 'value'>

/**
 * A classification as output messages: first one to the topic of all classifications, then one for each matching route, and one in DESC's form. `RetractingTopics`
 * makes the messages to topics of retracting routes.
 */
export function classificationMessages(
  body: Classification,
  origin: Origin,
  settings: OutputSettings
): [OutputMessage, ...OutputMessage[]] {
  const { encoding, schemaIds, desc } = settings
  const values = new Map<number | undefined, Uint8Array>()
  const messages = [...topicsOf(body, settings)].map(([topic, met]) => {
    const schemaId = schemaIds?.get(topic)
    const value = values.get(schemaId) ?? encodeClassification(body, encoding, schemaId)
    values.set(schemaId, value)
    const message = routedMessage(topic, body, origin, settings, {}, value)
    return met.length > 0 ? onRoute(message, body, met) : message
  })
  if (desc) {
    const value = encodeForDesc(body, origin, desc)
    messages.push(routedMessage(desc.topic, body, origin, settings, { schema: descSchemaName }, value))
  }
  return messages as [OutputMessage, ...OutputMessage[]]
}

/** A message to the topic of routes, of which `met` are met, with what metrics count. */
export function onRoute(message: OutputMessage, body: Classification, met: readonly Route[]): OutputMessage {
  return { ...message, route: { classifier: body.classifier.name, probability: routeProbability(body, met) } }
}

/** A classification as a message to one topic, with further headers; encoded here unless `value` is given. */
export function routedMessage(
  topic: string,
  body: Classification,
  origin: Origin,
  { encoding, schemaIds }: Pick<OutputSettings, 'encoding' | 'schemaIds'>,
  headers: Readonly<Record<string, string>> = {},
  value: Uint8Array = encodeClassification(body, encoding, schemaIds?.get(topic))
): OutputMessage {
  return {
    topic,
    key: body.objectId,
    value,
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

/** Longest key of an input message that its dead letter repeats, bytes: that of Fink has 15 kB. */
const maxKeyBytes = 32 * 1024

/** The dead letter for an input message: the original bytes, with headers that say what was wrong, and with its key if that is text. */
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
      ...keyOf(message),
      failed: String(Date.now()),
      'hierax.version': version
    }
  }
}

function keyOf({ key }: InputMessage): { 'source.key'?: string } {
  const repeated = key?.length && key.length <= maxKeyBytes && isUtf8(key)
  return repeated ? { 'source.key': Buffer.from(key).toString() } : {}
}

/** The topics of a message, with the routes that lead to them. */
function topicsOf(body: Classification, { classifications, routes }: OutputSettings): Map<string, Route[]> {
  const topics = new Map<string, Route[]>([[classifications, []]])
  for (const route of routes) {
    if (route.retract || unmetConditions(body, route).length > 0) continue
    topics.set(route.topic, [...(topics.get(route.topic) ?? []), route])
  }
  return topics
}
