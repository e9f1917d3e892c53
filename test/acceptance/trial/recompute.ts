import { type AdmissionSettings, admit } from '../../../src/alerts/admission.ts'
import { createDecoder } from '../../../src/alerts/decoder.ts'
import type { Classifier } from '../../../src/classifier/types.ts'
import { admittedCurve } from '../../../src/lightcurves/curve/gates.ts'
import { mergeIntoRecord } from '../../../src/lightcurves/records/object-record.ts'
import type { ObjectState } from '../../../src/lightcurves/store.ts'
import type { Classification } from '../../../src/messages/classification.ts'
import { ClassificationWriter } from '../../../src/messages/writer.ts'
import { type Arrival, pendingAnswers } from '../../../src/pipeline/pending-answers.ts'
import { bench, messages } from '../../support/pipeline.ts'

/** A packet of an object on a topic. */
export interface Delivered {
  readonly partition: number
  readonly bytes: Buffer
}

/** The content of the input topic. */
export interface Delivery {
  readonly alerts: ReadonlySet<string>
  /** Alerts with several versions of the packet (the same `candid`, different records). */
  readonly versioned: ReadonlySet<string>
  /** `topic/partition/offset` of invalid packets. */
  readonly refused: ReadonlySet<string>
  /** Packets by object; those of a partition are in order. */
  readonly objects: ReadonlyMap<string, readonly Delivered[]>
  readonly packets: number
}

/** Maximum number of subsets to search for one object. */
const maxSubsets = 60_000

const decoder = createDecoder()

/**
 * Recomputes the messages that a service can have published about an object. Whatever its crashes, a state contains the packets up to
 * some offset of each partition, so a message is correct exactly if one of these subsets yields it.
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

  /** The ids among these messages (bytes by id) of an object that no subset of its packets, in order of delivery, yields. */
  async unexplained(
    objectId: string,
    delivered: readonly Delivered[],
    messagesById: ReadonlyMap<string, string>
  ): Promise<string[]> {
    const unexplained = new Map(messagesById)
    for (const subset of prefixes(delivered)) {
      if (unexplained.size === 0) break
      const ids = this.#idsOf(objectId, subset)
      if (!ids.some(id => unexplained.has(id))) continue
      const { pipeline, sent } = bench({
        decode: bytes => decoder.decode(bytes),
        classifiers: [this.#classifier],
        admission: this.#admission
      })
      await pipeline.process(messages(subset.map(({ bytes }) => bytes)))
      for (const { headers, value } of sent) {
        const id = headers.id as string
        if (unexplained.get(id) === Buffer.from(value).toString('base64')) unexplained.delete(id)
      }
    }
    return [...unexplained.keys()]
  }

  /** Ids of all messages about a subset's alerts, without running the network. */
  #idsOf(objectId: string, subset: readonly Delivered[]): string[] {
    const arrivals = subset.flatMap(packet => this.#arrivals(packet)).filter(arrival => arrival.objectId === objectId)
    const observations = arrivals.flatMap(arrival => [...arrival.observations])
    const alerts = arrivals.map(({ record, rejection }) => ({ record, admitted: rejection === null }))
    const { state } = mergeIntoRecord(null, { objectId, observations, alerts }, 0)
    const states = new Map<string, ObjectState>([[objectId, state]])
    return pendingAnswers(arrivals, states).map(({ record, versions }): Classification['id'] => {
      const curve = admittedCurve(state.curve, this.#admission.admit)
      const prefix = curve.upTo(record.jd)
      return this.#writer.write({ objectId, record, versions, curve, prefix, reason: 'BOGUS' }, null).id
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

/** All combinations of leading packets of each partition, the longest first. */
function* prefixes(delivered: readonly Delivered[]): Generator<Delivered[]> {
  const byPartition = new Map<number, Delivered[]>()
  for (const packet of delivered) {
    const list = byPartition.get(packet.partition) ?? []
    // A duplicate adds nothing.
    if (!list.some(({ bytes }) => bytes.equals(packet.bytes))) list.push(packet)
    byPartition.set(packet.partition, list)
  }
  const lists = [...byPartition.values()]
  const count = lists.reduce((product, list) => product * (list.length + 1), 1)
  if (count > maxSubsets) throw new Error(`${count} subsets of ${delivered.length} packets are too many to search`)
  for (let number = count - 1; number > 0; number--) {
    let rest = number
    yield lists.flatMap(list => {
      const length = rest % (list.length + 1)
      rest = Math.floor(rest / (list.length + 1))
      return list.slice(0, length)
    })
  }
}
