import type { ClassificationRank } from '../lightcurves/route-marks.ts'
import type { OutputMessage } from '../streams/types.ts'
import type { Classification } from './classification.ts'
import { type CurrentTopic, type Origin, type OutputSettings, routedMessage } from './outgoing.ts'

/*
 * Records of the compacted topic of current classifications. One header has the rank, so that a record can be checked without decoding
 * it. Another has the consumer group whose store has the object.
 */

/** Whose current classification a record is. */
export interface CurrentKey {
  readonly objectId: string
  readonly sha256: string
}

/** The key of a record: one for each object and model. */
export function currentKey({ objectId, sha256 }: CurrentKey): string {
  return `${objectId}/${sha256}`
}

/** The parts of a key. */
export function readCurrentKey(key: string): CurrentKey {
  const slash = key.lastIndexOf('/')
  return { objectId: key.slice(0, Math.max(0, slash)), sha256: key.slice(slash + 1) }
}

/** The rank of a classification among those of its object and model: the greatest is current. */
export function rankOf({ jd, candid, lightCurve: { revision } }: Classification): ClassificationRank {
  return { jd, candid, revision }
}

/** The record of a current classification. */
export function currentMessage(
  body: Classification,
  origin: Origin,
  settings: Pick<OutputSettings, 'encoding' | 'schemaIds'>,
  { topic, group }: CurrentTopic
): OutputMessage {
  const message = routedMessage(topic, body, origin, settings, { rank: rankText(rankOf(body)), group })
  return { ...message, key: currentKey({ objectId: body.objectId, sha256: body.classifier.sha256 }) }
}

/** The record that removes a key from the topic. */
export function currentTombstone(key: CurrentKey, { topic, group }: CurrentTopic): OutputMessage {
  return { topic, key: currentKey(key), value: new Uint8Array(), tombstone: true, headers: { group } }
}

/**
 * Identifies the classification of an object, whatever the model: its rank, and the end of its id, which identifies the light curve. Ranks
 * alone may be equal if an object was deleted and started again.
 */
export function versionOf(body: Classification): string {
  return versionText(rankText(rankOf(body)), body.id)
}

/** The same for the body of a record, from its headers. */
export function versionIn({ rank = '', id = '' }: Readonly<Record<string, string>>): string {
  return versionText(rank, id)
}

function versionText(rank: string, id: string): string {
  return `${rank} ${id.slice(id.lastIndexOf(':') + 1)}`
}

/** A rank as text for the header of a record. Different ranks have different texts. */
export function rankText({ jd, candid, revision }: ClassificationRank): string {
  return `${jd}/${candid}/${revision}`
}
