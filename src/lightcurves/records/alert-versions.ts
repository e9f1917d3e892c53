import { alertHash, canonicalAlert } from '../points/fingerprint.ts'
import { type AlertRecord, contextFields } from '../points/observation.ts'
import { ascending } from '../points/ordering.ts'

/** Maximum number of versions of one alert that are distinguished: those with the smallest hashes. */
const mostVersions = 255

/**
 * An alert that may have several versions: some archives contain a packet (`jd`, `candid`) twice, with and without `drb`. One version is
 * selected, whatever the order of arrival: an admitted one is preferred, then the one with more context fields (records of earlier
 * formats have none), then the one with the greater canonical bytes.
 */
export interface VersionedAlert {
  /** The selected version. */
  readonly record: AlertRecord
  /** Whether its own fields pass the gates. */
  readonly admitted: boolean
  /** Hashes of all received versions, ascending; empty if there is only one. */
  readonly versions: readonly bigint[]
}

/** Merges an alert into the newest one by (`jd`, `candid`). Idempotent, commutative and associative over alerts. */
export function newerAlert(current: VersionedAlert | null, record: AlertRecord, admitted: boolean): VersionedAlert {
  const next = { record, admitted, versions: [] }
  if (current === null) return next
  if (!isSameAlert(current.record, record)) return isAfter(record, current.record) ? next : current
  const [a, b] = [canonicalAlert(current.record), canonicalAlert(record)]
  // The name of a solar-system object is not part of the canonical bytes. A known name is preferred, then the greater one.
  if (a.equals(b)) return nameOf(record) > nameOf(current.record) ? { ...current, record } : current
  const first = current.versions.length > 0 ? current.versions : [alertHash(current.record)]
  const versions = [...new Set([...first, alertHash(record)])].sort(ascending).slice(0, mostVersions)
  const more = knownContext(current.record) - knownContext(record)
  const stays = current.admitted === admitted ? more > 0 || (more === 0 && a.compare(b) > 0) : current.admitted
  return stays ? { ...current, versions } : { record, admitted, versions }
}

/** The newer of two alerts, with all its known versions. Used to merge the states of an object in two stores. */
export function joinAlerts(a: VersionedAlert | null, b: VersionedAlert | null): VersionedAlert | null {
  if (a === null || b === null) return a ?? b
  if (!isSameAlert(a.record, b.record)) return isAfter(b.record, a.record) ? b : a
  const selected = newerAlert(a, b.record, b.admitted)
  const versions = [...new Set([...selected.versions, ...b.versions])].sort(ascending).slice(0, mostVersions)
  return { ...selected, versions }
}

/** Whether two records are of one alert. */
export function isSameAlert(a: AlertRecord, b: AlertRecord): boolean {
  return a.jd === b.jd && a.candid === b.candid
}

/** Hashes of the versions of an alert other than this one. */
export function otherVersions(record: AlertRecord, versions: readonly bigint[]): readonly bigint[] {
  if (versions.length === 0) return versions
  const own = alertHash(record)
  return versions.filter(hash => hash !== own)
}

/** How many fields of a record's context are known. */
function knownContext({ photometry }: AlertRecord): number {
  return photometry === null ? 0 : contextFields.filter(name => photometry.context[name] !== null).length
}

function nameOf({ photometry }: AlertRecord): string {
  return photometry?.solarSystemName ?? ''
}

/** Whether an alert is newer than another: by time, then candid. */
export function isAfter(a: AlertRecord, b: AlertRecord): boolean {
  return a.jd !== b.jd ? a.jd > b.jd : a.candid > b.candid
}
