import { type PurityThreshold, thresholdFor } from '../classifier/purity.ts'
import { HieraxError } from '../errors.ts'
import type { InputMessage, OutputMessage } from '../streams/types.ts'
import { version } from '../version.ts'
import { type Classification, schemaName } from './classification.ts'
import { type Encoding, encodeClassification } from './encoding.ts'

/** A further topic for messages of which a node is probable enough. */
export interface Route {
  readonly topic: string
  readonly node: string
  /** 0–1: one for all, or by model (its SHA-256) and number of detections; messages of other models are not routed. */
  readonly minProbability: number | ReadonlyMap<string, readonly PurityThreshold[]>
}

/** Where messages go and how they are written. */
export interface OutputSettings {
  readonly classifications: string
  readonly deadLetters: string
  readonly encoding: Encoding
  readonly routes: readonly Route[]
}

/** Where an answer came from: the message that carried the alert that led to it. */
export type Origin = Omit<InputMessage, 'value'>

/** A classification as messages: one to the topic of all, one to every route that it meets. */
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

/** A refused packet as a message: its original bytes, and headers that say what was wrong. */
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

/** Checks that every route names a node of one of the taxonomies. Throws CONFIG_INVALID. */
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
