import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { type Alert, History } from '../../src/alerts/alert.ts'
import { createDecoder } from '../../src/alerts/decoder.ts'
import type { Population } from '../../src/classifier/types.ts'
import type {
  AlertContext,
  AlertPhotometry,
  AlertRecord,
  Observation
} from '../../src/lightcurves/points/observation.ts'
import { decodeClassification, encodeClassification } from '../../src/messages/encoding.ts'
import { contextWith } from '../lightcurves/observations.ts'
import { bench, messages } from '../support/pipeline.ts'
import { shared } from '../support/shared.ts'

/** A number that JSON can't hold is a string. */
type Written<T> = Omit<T, 'candid'> & { readonly candid: string | null }

/** An alert as it stands in a golden case: candids as strings, only the known fields of its context. */
export interface GoldenAlert {
  readonly record: Written<Omit<AlertRecord, 'photometry'>> & {
    readonly photometry: (Omit<AlertPhotometry, 'context'> & { readonly context: Partial<AlertContext> }) | null
  }
  readonly observation: Written<Observation>
  readonly history: readonly { readonly programId: number | null; readonly observation: Written<Observation> }[]
}

/** Alerts of object `GOLDEN` in batches, or packets of ../shared, and every message that the pipeline makes of them. */
export interface GoldenCase {
  readonly name: string
  readonly programs: readonly number[]
  readonly admit: {
    readonly minRealBogus: number
    readonly maxSolarSystemDistance: number
    readonly minDetections: number
  }
  readonly batches: readonly (readonly GoldenAlert[])[]
  /** Files of ../shared, one packet a batch. */
  readonly files: readonly string[]
  readonly messages: readonly GoldenMessage[]
}

export interface GoldenMessage {
  readonly objectId: string
  readonly candid: string
  readonly status: string
  readonly reason: string | null
  readonly fingerprint: string
  readonly revision: number
  readonly id: string
  /** SHA-256 of the body in each encoding. */
  readonly json: string
  readonly avro: string
}

/** Everything besides alert and light curve that a message depends on: its canonical text, and the hash in the id. */
export interface GoldenSettings extends Pick<GoldenCase, 'programs' | 'admit'> {
  /** SHA-256 of the model. */
  readonly model: string
  readonly population: Population | null
  /** Names of the taxonomy's nodes, in order. */
  readonly nodes: readonly string[]
  readonly text: string
  readonly hash: string
}

export function goldenCases(): GoldenCase[] {
  return linesOf('answers.jsonl') as GoldenCase[]
}

export function goldenSettings(): GoldenSettings[] {
  return linesOf('settings.jsonl') as GoldenSettings[]
}

function linesOf(name: string): unknown[] {
  const text = fs.readFileSync(new URL(name, import.meta.url), 'utf8')
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

/** The alert's own fields. */
export function recordOf({ record }: GoldenAlert): AlertRecord {
  const { photometry } = record
  return {
    ...record,
    candid: BigInt(record.candid as string),
    photometry: photometry && { ...photometry, context: contextWith(photometry.context) }
  }
}

export function observationOf(written: Written<Observation>): Observation {
  return { ...written, candid: written.candid === null ? null : BigInt(written.candid) }
}

function alertOf(golden: GoldenAlert): Alert {
  return {
    objectId: 'GOLDEN',
    schemaVersion: '4.02',
    record: recordOf(golden),
    observation: observationOf(golden.observation),
    history: History.of(
      golden.history.map(({ programId, observation }) => ({ programId, observation: observationOf(observation) }))
    ),
    dropped: { future: 0, invalid: 0 },
    forcedPhotometry: 0
  }
}

/** Runs a case through the pipeline, on memory and with a fake classifier whose answers follow from the light curve. */
export async function messagesOf({
  programs,
  admit,
  batches,
  files
}: Omit<GoldenCase, 'messages'>): Promise<GoldenMessage[]> {
  const alerts = new Map(
    batches.flatMap((batch, at) => batch.map((alert, index) => [`${at}/${index}`, alertOf(alert)] as const))
  )
  const decoder = createDecoder()
  const real = files.length > 0 ? { decode: (bytes: Uint8Array | null) => decoder.decode(bytes) } : { alerts }
  const { pipeline, sent } = bench({ ...real, admission: { programs, admit } })
  for (const [at, batch] of batches.entries())
    await pipeline.process(messages(batch.map((_, index) => `${at}/${index}`)))
  for (const file of files) await pipeline.process(messages([fs.readFileSync(path.join(shared, file))]))
  return sent.map(({ value }) => {
    const body = decodeClassification(value, 'avro')
    const { objectId, candid, status, reason, lightCurve, id } = body
    return {
      objectId,
      candid: String(candid),
      status,
      reason,
      fingerprint: lightCurve.fingerprint,
      revision: lightCurve.revision,
      id,
      json: sha256(encodeClassification(body, 'json')),
      avro: sha256(value)
    }
  })
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
