import { type PurityThreshold, thresholdFor } from '../classifier/purity.ts'
import { HieraxError } from '../errors.ts'
import type { InputMessage, OutputMessage } from '../streams/types.ts'
import { version } from '../version.ts'
import { type Classification, schemaName } from './classification.ts'
import { type Encoding, encodeClassification } from './encoding.ts'

/** An additional topic for messages in which the probability of a node is high enough. */
export interface Route {
  readonly topic: string
  readonly node: string
  /**
   * Threshold, 0–1: one for all messages, or thresholds by model (SHA-256) and number of detections. In the second case, messages of other
   * models are not routed.
   */
  readonly minProbability: number | ReadonlyMap<string, readonly PurityThreshold[]>
}

/** Output topics and the encoding of messages. */
export interface OutputSettings {
  readonly classifications: string
  readonly deadLetters: string
  readonly encoding: Encoding
  readonly routes: readonly Route[]
}

/** The input message that led to a classification. */
export type Origin = Omit<InputMessage, 'value'>

/** A classification as output messages: one to the topic of all classifications, and one for each matching route. */
export function classificationMessages(
  body: Classification,
  origin: Origin,
  settings: OutputSettings
): OutputMessage[] {
  const value = encodeClassification(body, settings.encoding)
  const headers = {
    id: body.id,
    schema: schemaName,
    source: origin.source,
    ingested: String(origin.ingested),
    published: String(Date.now())
  }
  return topicsOf(body, settings).map(topic => ({ topic, key: body.objectId, value, headers }))
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

/** Checks that the node of every route is in one of the taxonomies. Throws CONFIG_INVALID. */
export function checkRoutes(routes: readonly Pick<Route, 'topic' | 'node'>[], nodes: readonly string[]): void {
  const known = new Set(nodes)
  for (const { topic, node } of routes) {
    if (known.has(node)) continue
    throw new HieraxError(
      'CONFIG_INVALID',
      `output.routes sends node ${JSON.stringify(node)} to ${topic}, but the taxonomy has no such node; it has ${[...known].join(', ')}`
    )
  }
}

function topicsOf(body: Classification, settings: OutputSettings): string[] {
  const topics = new Set([settings.classifications])
  for (const { topic, node, minProbability } of settings.routes) {
    const found = body.nodes.find(n => n.name === node)
    if (found === undefined) continue
    const least =
      typeof minProbability === 'number'
        ? minProbability
        : thresholdFor(minProbability.get(body.classifier.sha256) ?? [], body.lightCurve.detections)
    if (least !== null && found.probability >= least) topics.add(topic)
  }
  return [...topics]
}
