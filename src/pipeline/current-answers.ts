import { HieraxError } from '../errors.ts'
import { isSameAlert } from '../lightcurves/records/alert-versions.ts'
import type { ObjectState, Store } from '../lightcurves/store.ts'
import type { Classification } from '../messages/classification.ts'
import { currentMessage, currentTombstone, readCurrentKey, versionIn, versionOf } from '../messages/current.ts'
import type { CurrentTopic, OutputSettings } from '../messages/outgoing.ts'
import type { OutputMessage } from '../streams/types.ts'
import type { ObjectClassifier } from './object-classifier.ts'
import type { PendingAnswer } from './pending-answers.ts'

/**
 * The records for the topic of current classifications: of each object, the classification of its newest alert by each model.
 * `classifications` are those of each model, in the order of `pending`.
 */
export function currentMessages(
  pending: readonly PendingAnswer[],
  classifications: readonly (readonly Classification[])[],
  settings: OutputSettings
): OutputMessage[] {
  const { current } = settings
  if (!current) return []
  const last = new Map<string, number>()
  for (const [index, { record, state }] of pending.entries()) {
    if (state.newest !== null && isSameAlert(record, state.newest)) last.set(state.objectId, index)
  }
  return classifications.flatMap(ofModel =>
    [...last.values()].map(index =>
      currentMessage(ofModel[index] as Classification, (pending[index] as PendingAnswer).origin, settings, current)
    )
  )
}

/** A record of the topic of current classifications. */
export interface CurrentRecord {
  readonly key: string | null
  /** Null for a record that removes the key. */
  readonly value: Uint8Array | null
  readonly headers: Readonly<Record<string, string>>
}

export interface CurrentCheckOptions {
  readonly store: Pick<Store, 'get'>
  readonly classifier: Pick<ObjectClassifier, 'currentClassifications' | 'currentVersion'>
  /** SHA-256 of each model. */
  readonly models: readonly string[]
  readonly settings: OutputSettings
  readonly current: CurrentTopic
}

/** Maximum number of own corrections that are remembered until they are read. */
const maxPending = 100_000

/**
 * Keeps the last record of each key on the topic of current classifications correct. Several processes write to the topic. One that was
 * suspended may write an old classification after others have written a newer one. So every record is read back and compared with the
 * store. If it is not the object's current classification, or the object is unknown, a correction follows. Corrections are read back too, so
 * the last record of a key has agreed with the store after it was written. Whoever changes the store later writes another record.
 */
export class CurrentCheck {
  readonly #options: CurrentCheckOptions
  /** Versions of own corrections by key. They come later in the topic than the record that is being read. */
  #pending = new Map<string, string>()

  constructor(options: CurrentCheckOptions) {
    this.#options = options
  }

  /** Forgets its own corrections, including those being sent: another process may read them back. */
  forget(): void {
    this.#pending = new Map()
  }

  /**
   * Sends the corrections that these records require, in the order of the topic. Rejects with STORE_FAILED, or with the error of `send`. The
   * same records must then be passed again.
   */
  async correct(
    records: readonly CurrentRecord[],
    send: (corrections: readonly OutputMessage[]) => Promise<void>
  ): Promise<void> {
    const pending = this.#pending
    const corrections = await this.#corrections(records, pending)
    await send(corrections.map(({ message }) => message))
    // Only after they are written: an entry for a correction that never reached the topic would hide a wrong record.
    if (pending.size + corrections.length > maxPending) pending.clear()
    for (const { key, version } of corrections) pending.set(key, version)
  }

  async #corrections(records: readonly CurrentRecord[], pending: Map<string, string>): Promise<Correction[]> {
    const { current } = this.#options
    const last = new Map<string, CurrentRecord>()
    for (const record of records) {
      const { key, headers } = record
      if (key === null || headers.group !== current.group) continue
      if (headers.source === origin.source) pending.delete(key)
      last.set(key, record)
    }
    const corrections: Correction[] = []
    for (const [key, record] of last) {
      const correction = await this.#correctionOf(key, record, pending)
      if (correction) corrections.push(correction)
    }
    return corrections
  }

  /** Records that remove keys of objects that are not in the store, and keys of retired models (SHA-256). */
  async removals(records: readonly CurrentRecord[], retired: ReadonlySet<string>): Promise<OutputMessage[]> {
    const { current } = this.#options
    const removals: OutputMessage[] = []
    for (const { key, value, headers } of records) {
      if (key === null || value === null || headers.group !== current.group) continue
      const parts = readCurrentKey(key)
      if (retired.has(parts.sha256) || (await this.#stateOf(key)) === null)
        removals.push(currentTombstone(parts, current))
    }
    return removals
  }

  async #correctionOf(
    key: string,
    { value, headers }: CurrentRecord,
    pending: ReadonlyMap<string, string>
  ): Promise<Correction | null> {
    const { classifier, models, settings, current } = this.#options
    const { sha256 } = readCurrentKey(key)
    const state = await this.#stateOf(key)
    if (state === null)
      return value === null ? null : { key, version: '', message: currentTombstone(readCurrentKey(key), current) }
    const version = state === 'unreadable' || !models.includes(sha256) ? null : await classifier.currentVersion(state)
    if (version === null || state === 'unreadable') return null
    const isCurrent = value !== null && versionIn(headers) === version
    if (isCurrent || pending.get(key) === version) return null
    const bodies = await classifier.currentClassifications(state)
    const body = bodies.find(({ classifier }) => classifier.sha256 === sha256)
    if (!body) return null
    const message = currentMessage(body, { ...origin, ingested: Date.now() }, settings, current)
    return { key, version: versionOf(body), message }
  }

  /** Null if the object of the key is not in the store. */
  async #stateOf(key: string): Promise<ObjectState | 'unreadable' | null> {
    try {
      return await this.#options.store.get(readCurrentKey(key).objectId)
    } catch (error) {
      if (error instanceof HieraxError && error.code === 'STORE_CORRUPT') return 'unreadable'
      throw error
    }
  }
}

/** A record that corrects the key, and its version; empty for one that removes the key. */
interface Correction {
  readonly key: string
  readonly version: string
  readonly message: OutputMessage
}

/** Origin of corrections, and the value of their header `source`. */
const origin = { topic: 'current', source: 'correction' }
