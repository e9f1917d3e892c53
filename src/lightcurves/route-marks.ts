import { hashOfBytes } from './points/fingerprint.ts'
import { ascending } from './points/ordering.ts'

/** Orders the classifications of an object: the greatest is the current one. */
export interface ClassificationRank {
  /** Julian date of the alert, days. */
  readonly jd: number
  readonly candid: bigint
  readonly revision: number
}

/**
 * Whether an object is on the topic of a route with `retract`, by the classifications of one model. Marks are merged like points: of the
 * marks of a topic and model, the one of the newest classification is kept, and of two for the same classification the one with `on`. A mark
 * with `on` is stored before a message is sent, one without it when a retraction is acknowledged. A crash between them can therefore
 * repeat a retraction, but not lose it.
 */
export interface RouteMark extends ClassificationRank {
  /** Hash of the topic's name. */
  readonly topic: bigint
  /** The first eight bytes of the model's SHA-256. */
  readonly model: bigint
  readonly on: boolean
}

/** How a mark names a topic and a model. */
export function markKey(topic: string, modelSha256: string): Pick<RouteMark, 'topic' | 'model'> {
  return { topic: hashOfBytes(Buffer.from(topic)), model: BigInt(`0x${modelSha256.slice(0, 16).padEnd(16, '0')}`) }
}

/** Order of two classifications by time, candid and revision: negative if the first one is older. */
export function compareRanks(a: ClassificationRank, b: ClassificationRank): number {
  if (a.jd !== b.jd) return a.jd - b.jd
  if (a.candid !== b.candid) return a.candid < b.candid ? -1 : 1
  return a.revision - b.revision
}

/** The marks that are kept, sorted by topic and model. Idempotent, commutative and associative. */
export function joinMarks(...lists: readonly (readonly RouteMark[])[]): readonly RouteMark[] {
  const kept = new Map<string, RouteMark>()
  for (const mark of lists.flat()) {
    const key = `${mark.topic}/${mark.model}`
    const other = kept.get(key)
    const order = other ? compareRanks(mark, other) || Number(mark.on) - Number(other.on) : 1
    if (order > 0) kept.set(key, mark)
  }
  return sorted([...kept.values()])
}

function sorted(marks: RouteMark[]): RouteMark[] {
  return marks.sort((a, b) => ascending(a.topic, b.topic) || ascending(a.model, b.model))
}

/** Bytes of a stored mark (little endian): topic u64, model u64, jd f64, candid i64, revision f64, on u8. */
export const markSize = 41

/** Writes marks at an offset. Returns the offset after them. */
export function writeMarks(target: Buffer, offset: number, marks: readonly RouteMark[]): number {
  let to = offset
  for (const { topic, model, jd, candid, revision, on } of marks) {
    to = target.writeBigUInt64LE(topic, to)
    to = target.writeBigUInt64LE(model, to)
    to = target.writeDoubleLE(jd, to)
    to = target.writeBigInt64LE(candid, to)
    to = target.writeDoubleLE(revision, to)
    to = target.writeUInt8(on ? 1 : 0, to)
  }
  return to
}

/** Reads `count` marks from an offset on. */
export function readMarks(bytes: Buffer, offset: number, count: number): RouteMark[] {
  return Array.from({ length: count }, (_, index) => {
    const at = offset + index * markSize
    return {
      topic: bytes.readBigUInt64LE(at),
      model: bytes.readBigUInt64LE(at + 8),
      jd: bytes.readDoubleLE(at + 16),
      candid: bytes.readBigInt64LE(at + 24),
      revision: bytes.readDoubleLE(at + 32),
      on: bytes[at + 40] === 1
    }
  })
}
