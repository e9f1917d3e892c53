import { type Alert, History, type HistoryPoint } from '../../src/alerts/alert.ts'
import type { Classifier } from '../../src/classifier/types.ts'
import { HieraxError } from '../../src/errors.ts'
import type { Observation } from '../../src/lightcurves/points/observation.ts'
import type { Store } from '../../src/lightcurves/store.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { Pipeline, type PipelineOptions } from '../../src/pipeline.ts'
import type { InputMessage, OutputMessage } from '../../src/streams/types.ts'
import { contextWith } from '../lightcurves/observations.ts'
import { fakeClassifier } from './fake-classifier.ts'

/** A pipeline on an in-memory store, with everything that it sent. */
export interface Bench {
  readonly pipeline: Pipeline
  readonly sent: OutputMessage[]
  /** Classifications sent, in order. */
  bodies(): Classification[]
  deadLetters(): OutputMessage[]
}

/** The default settings. */
export const admission: PipelineOptions['admission'] = {
  programs: [1],
  admit: { minRealBogus: 0.2, maxSolarSystemDistance: 5, minDetections: 1 }
}

export const output: PipelineOptions['output'] = {
  classifications: 'out',
  deadLetters: 'dead',
  encoding: 'avro',
  routes: []
}

/** Creates a pipeline; by default the bytes of a packet are the key of an alert in `alerts`. */
export function bench(parts: Partial<PipelineOptions> & { alerts?: ReadonlyMap<string, Alert> } = {}): Bench {
  const sent: OutputMessage[] = []
  const pipeline = new Pipeline({
    decode: bytes => {
      const alert = parts.alerts?.get(Buffer.from(bytes ?? []).toString())
      if (!alert) throw new HieraxError('NOT_A_CONTAINER', 'It begins otherwise')
      return [alert]
    },
    store: new MemoryStore() as Store,
    classifiers: [fakeClassifier() as Classifier],
    sink: { send: async messages => void sent.push(...messages), close: async () => {} },
    admission,
    output,
    ...parts
  })
  return {
    pipeline,
    sent,
    bodies: () => sent.filter(m => m.topic === output.classifications).map(m => decodeClassification(m.value, 'avro')),
    deadLetters: () => sent.filter(m => m.topic === output.deadLetters)
  }
}

/** Packets as messages, with offsets from `first`. */
export function messages(values: readonly (string | Uint8Array | null)[], first = 0): InputMessage[] {
  return values.map((value, index) => ({
    value: typeof value === 'string' ? Buffer.from(value) : value,
    topic: 'in',
    source: `in/0/${first + index}`,
    ingested: 1_700_000_000_000
  }))
}

/** An alert with default values; `photometry` overrides fields of its record. */
export function alertOf(
  objectId: string,
  observation: Observation,
  changes: { programId?: number; photometry?: object; history?: readonly HistoryPoint[] } = {}
): Alert {
  const programId = changes.programId ?? 1
  return {
    objectId,
    schemaVersion: '4.02',
    observation,
    record: {
      candid: observation.candid ?? 1n,
      jd: observation.jd,
      ra: 10,
      dec: 20,
      programId,
      photometry: {
        band: 'g',
        magnitude: observation.magnitude,
        error: observation.error,
        positive: observation.positive,
        realBogus: 0.9,
        starScore: null,
        starDistance: null,
        solarSystemDistance: null,
        context: contextWith(),
        ...changes.photometry
      }
    },
    history: History.of(changes.history ?? []),
    dropped: { future: 0, invalid: 0 },
    forcedPhotometry: 0
  }
}
