import { type AdmissionSettings, admit } from '../../../src/alerts/admission.ts'
import { createDecoder } from '../../../src/alerts/decoder.ts'
import type { Classifier } from '../../../src/classifier/types.ts'
import { admittedCurve } from '../../../src/lightcurves/gates.ts'
import { mergeIntoRecord } from '../../../src/lightcurves/object-record.ts'
import type { ObjectState } from '../../../src/lightcurves/store.ts'
import type { Classification } from '../../../src/messages/classification.ts'
import { ClassificationWriter } from '../../../src/messages/writer.ts'
import { type Arrival, pendingAnswers } from '../../../src/pipeline/pending-answers.ts'
import { bench, messages } from '../../support/pipeline.ts'

/** One packet of an object as it lies on a topic. */
export interface Delivered {
  readonly partition: number
  readonly bytes: Buffer
}

/** What lies on the input topic, as anybody could read it. */
export interface Delivery {
  readonly alerts: ReadonlySet<string>
  /** Alerts of which the packets hold several versions (the same `candid`, another record). */
  readonly versioned: ReadonlySet<string>
  /** `topic/partition/offset` of what can't be read. */
  readonly refused: ReadonlySet<string>
  /** Packets by object, those of a partition in order. */
  readonly objects: ReadonlyMap<string, readonly Delivered[]>
  readonly packets: number
}

/** More subsets than this are not looked through for one object. */
const most = 60_000

const decoder = createDecoder()

/**
 * What a service can have said of an object, whatever its crashes: a state holds the packets up to some offset of each partition,
 * so an answer is right exactly when one of these subsets gives it.
 */
export class Recomputation {
  readonly #admission: AdmissionSettings
  readonly #classifier: Classifier
  readonly #writer: ClassificationWriter

  constructor(classifier: Classifier, admission: AdmissionSettings) {
    this.#admission = admission
    this.#classifier = classifier
    this.#writer = new ClassificationWriter(classifier, { admit: admission.admit, programs: admission.programs })
  }

  /** Of these messages (bytes by id) of one object, those that no subset of its packets, in the order delivered, yields. */
  async unexplained(
    objectId: string,
    delivered: readonly Delivered[],
    said: ReadonlyMap<string, string>
  ): Promise<string[]> {
    const wanted = new Map(said)
    for (const subset of prefixes(delivered)) {
      if (wanted.size === 0) break
      const ids = this.#idsOf(objectId, subset)
      if (!ids.some(id => wanted.has(id))) continue
      const { pipeline, sent } = bench({
        decode: bytes => decoder.decode(bytes),
        classifiers: [this.#classifier],
        admission: this.#admission
      })
      await pipeline.process(messages(subset.map(({ bytes }) => bytes)))
      for (const { headers, value } of sent) {
        const id = headers.id as string
        if (wanted.get(id) === Buffer.from(value).toString('base64')) wanted.delete(id)
      }
    }
    return [...wanted.keys()]
  }

  /** Ids of all answers to a subset's alerts, without asking the network. */
  #idsOf(objectId: string, subset: readonly Delivered[]): string[] {
    const arrivals = subset.flatMap(packet => this.#arrivals(packet)).filter(arrival => arrival.objectId === objectId)
    const observations = arrivals.flatMap(arrival => arrival.observations)
    const alerts = arrivals.map(({ record, refusal }) => ({ record, admitted: refusal === null }))
    const { state } = mergeIntoRecord(null, { objectId, observations, alerts }, 0)
    const states = new Map<string, ObjectState>([[objectId, state]])
    return pendingAnswers(arrivals, states).map(({ record, versions }): Classification['id'] => {
      const curve = admittedCurve(state.curve, this.#admission.admit)
      const prefix = curve.upTo(record.jd)
      return this.#writer.write({
        objectId,
        record,
        versions,
        curve,
        prefix,
        reason: 'BOGUS',
        answer: null
      }).id
    })
  }

  readonly #known = new Map<Buffer, Arrival[]>()

  #arrivals({ bytes }: Delivered): Arrival[] {
    const known = this.#known.get(bytes)
    if (known) return known
    const origin = { topic: '', source: '', ingested: 0 }
    const arrivals = decoder
      .decode(bytes)
      .map(alert => ({ ...admit(alert, this.#admission), objectId: alert.objectId, origin }))
    this.#known.set(bytes, arrivals)
    return arrivals
  }
}

/** Every choice of a number of leading packets of each partition. */
function* prefixes(delivered: readonly Delivered[]): Generator<Delivered[]> {
  const byPartition = new Map<number, Delivered[]>()
  for (const packet of delivered) {
    const list = byPartition.get(packet.partition) ?? []
    // A repetition adds nothing to what was delivered before it.
    if (!list.some(({ bytes }) => bytes.equals(packet.bytes))) list.push(packet)
    byPartition.set(packet.partition, list)
  }
  const lists = [...byPartition.values()]
  const count = lists.reduce((product, list) => product * (list.length + 1), 1)
  if (count > most) throw new Error(`${count} subsets of ${delivered.length} packets are too many to look through`)
  for (let number = count - 1; number > 0; number--) {
    let rest = number
    yield lists.flatMap(list => {
      const length = rest % (list.length + 1)
      rest = Math.floor(rest / (list.length + 1))
      return list.slice(0, length)
    })
  }
}
