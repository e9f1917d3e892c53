import { HieraxError, shown } from '../errors.ts'
import { version as hierax } from '../version.ts'
import { oldestRecordVersion, recordVersion } from './records/object-record.ts'

/** What a store records about itself, so that it is never misread and never shows points of a programme that is not admitted. */
export interface StoreMeta {
  /** Greatest version of its records. */
  readonly version: number
  /** Survey programmes whose points may be in it. */
  readonly programs: readonly number[]
  /** Release of Hierax that first wrote this version to it; stores of version 1 do not say. */
  readonly hierax?: string | undefined
}

/**
 * Compares a store's metadata (null: it is new) with what it is opened for. Returns the new metadata if they must change, else null.
 * An older version is migrated: its records are read as they are, and rewritten when something is merged into them. The new
 * metadata keep an older release from misreading them. A store that is `empty` holds points of no programme. `admitted`: null
 * admits whatever the store holds.
 *
 * @throws {HieraxError} STORE_REFUSED for a version that is not read, or for points of a programme that is not admitted.
 */
export function checkMeta(
  meta: StoreMeta | null,
  admitted: readonly number[] | null,
  where: string,
  empty = false
): StoreMeta | null {
  if (meta && !isRead(meta.version)) throw otherStoreVersion(meta, where)
  const held = meta ? meta.programs : []
  if (!Array.isArray(held) || !held.every(Number.isInteger)) {
    const what = `does not say of which programmes its points are (${shown(held)})`
    throw new HieraxError(
      'STORE_REFUSED',
      `The store in ${where} ${what}: its metadata are damaged, restore them from a backup`
    )
  }
  const programs = admitted ?? held
  const extra = held.filter(program => !programs.includes(program))
  if (extra.length > 0 && !empty) {
    throw new HieraxError(
      'STORE_REFUSED',
      `The store in ${where} holds points of programme ${extra.join(', ')}, which input.programs and input.publicPrograms (${programs.join(', ')}) do not admit. \`hierax store purge --programs ${extra.join(',')}\` removes them from a store`
    )
  }
  if (meta?.version === recordVersion && held.length === programs.length && extra.length === 0) return null
  return { version: recordVersion, programs: [...programs].sort((a, b) => a - b), hierax }
}

function isRead(version: number): boolean {
  return Number.isInteger(version) && version >= oldestRecordVersion && version <= recordVersion
}

function otherStoreVersion({ version, hierax: writer }: StoreMeta, where: string): HieraxError {
  const reads = `Hierax ${hierax} reads versions ${oldestRecordVersion} to ${recordVersion}`
  const newer = Number.isInteger(version) && version > recordVersion
  const what = newer
    ? `was written in version ${version}${typeof writer === 'string' ? ` by Hierax ${shown(writer)}` : ''}; ${reads}: run ` +
      `${typeof writer === 'string' ? 'that release' : 'the newer release that wrote it'} or a later one; none goes back`
    : `says that it is of version ${shown(version)}, which no release wrote; ${reads}: restore it from a backup`
  return new HieraxError('STORE_REFUSED', `The store in ${where} ${what}`)
}
