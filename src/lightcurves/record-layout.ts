import { furtherSize } from './further-codec.ts'

/** Bits of a record's flags: which alert records it has. */
export const recordFlag = { newest: 1, admitted: 2, same: 4 } as const

/** Bytes of the hash of a version of an alert. */
export const versionSize = 8

/** What differs between the versions of records in where their parts are. */
export interface RecordSizes {
  readonly header: number
  readonly alertRecord: number
  readonly point: number
}

/** Where the parts of a record begin, in bytes; null for alert records that are not there. */
export interface RecordParts {
  readonly newest: number | null
  /** Where it is the newest alert too, the same place. */
  readonly newestAdmitted: number | null
  readonly points: number
  readonly further: number
  readonly newestVersions: number
  readonly admittedVersions: number
  /** How long the record should be. */
  readonly end: number
}

/** The parts of a record, as its header says. */
export function partsOf(record: Buffer, { header, alertRecord, point }: RecordSizes): RecordParts {
  const flags = record[20] as number
  const hasNewest = (flags & recordFlag.newest) !== 0
  const same = (flags & recordFlag.same) !== 0
  const second = (flags & recordFlag.admitted) !== 0 && !same
  const newest = hasNewest ? header : null
  const secondAt = header + (hasNewest ? alertRecord : 0)
  const points = secondAt + (second ? alertRecord : 0)
  const further = points + record.readUInt32LE(8) * point
  const newestVersions = further + record.readUInt32LE(12) * furtherSize
  const admittedVersions = newestVersions + (record[21] as number) * versionSize
  const end = admittedVersions + (record[22] as number) * versionSize
  return {
    newest,
    newestAdmitted: same ? newest : second ? secondAt : null,
    points,
    further,
    newestVersions,
    admittedVersions,
    end
  }
}

/** The hashes of versions between two places. */
export function readVersions(record: Buffer, from: number, to: number): bigint[] {
  return Array.from({ length: (to - from) / versionSize }, (_, index) =>
    record.readBigUInt64LE(from + index * versionSize)
  )
}
