import { HieraxError } from '../../errors.ts'
import { recordVersion } from '../object-record.ts'

/** What a store says of itself, so that it is never misread and never shows what it must not. */
export interface StoreMeta {
  /** Version of its records. */
  readonly version: number
  /** Survey programmes whose points may be in it. */
  readonly programs: readonly number[]
}

/**
 * Compares what a store says of itself (null: it is new) with what it is opened for. Returns what it has to say from now on
 * where that is something else, or null.
 *
 * @throws {HieraxError} STORE_REFUSED for another version of the records, or for points of a programme that is not admitted.
 */
export function checkMeta(meta: StoreMeta | null, programs: readonly number[], where: string): StoreMeta | null {
  if (meta && meta.version !== recordVersion) throw otherVersion(meta.version, where)
  const held = meta?.programs ?? []
  const extra = held.filter(program => !programs.includes(program))
  if (extra.length > 0) {
    throw new HieraxError(
      'STORE_REFUSED',
      `The store in ${where} holds points of programme ${extra.join(', ')}, which input.programs (${programs.join(', ')}) does not admit`
    )
  }
  return held.length === programs.length
    ? null
    : { version: recordVersion, programs: [...programs].sort((a, b) => a - b) }
}

function otherVersion(version: number, where: string): HieraxError {
  const written = `The store in ${where} was written in version ${version}; this Hierax reads version ${recordVersion}`
  return new HieraxError(
    'STORE_REFUSED',
    Number.isInteger(version) && version < recordVersion
      ? `${written}: \`hierax store export\` of the Hierax that wrote it and \`store import\` of this one move it`
      : `${written}: run the newer Hierax that wrote it`
  )
}
