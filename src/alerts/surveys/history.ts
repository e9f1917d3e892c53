import type { Observation } from '../../lightcurves/points/observation.ts'
import { PointWriter } from '../../lightcurves/points/points.ts'
import { type Alert, type DropReason, History } from '../alert.ts'
import type { Value } from '../avro/readers.ts'
import { isLimit } from './ztf-values.ts'

/** A point of a history that is being read. */
export type DraftPoint = { -readonly [Field in keyof Observation]: Observation[Field] } & { programId: number | null }

/** One for all points, as each is written before the next is read. */
const draft: DraftPoint = {
  jd: 0,
  fid: 1,
  detection: false,
  own: false,
  positive: false,
  candid: null,
  magnitude: 0,
  error: 0,
  realBogus: null,
  solarSystemDistance: null,
  programId: null
}

const writer = new PointWriter()

/**
 * The history of a packet: its valid points, and how many are left out. `read` fills in all fields of a point, unless it is to be left out;
 * null: it is not counted.
 */
export function historyOf(
  count: number,
  read: (index: number, point: DraftPoint) => 'valid' | DropReason | null
): Pick<Alert, 'history' | 'dropped'> {
  writer.clear()
  const programs: (number | null)[] = []
  const dropped = { future: 0, invalid: 0 }
  for (let i = 0; i < count; i++) {
    const outcome = read(i, draft)
    if (outcome === 'future' || outcome === 'invalid') dropped[outcome]++
    else if (outcome === 'valid') {
      writer.add(draft, draft.programId ?? undefined)
      programs.push(draft.programId)
    }
  }
  return { history: new History(writer.take(), programs), dropped }
}

/** Makes a point a detection of unknown quality. */
export function setDetection(
  point: DraftPoint,
  positive: boolean,
  candid: Value | undefined,
  magnitude: number,
  error: number
): void {
  point.detection = true
  point.positive = positive
  point.candid = typeof candid === 'bigint' && candid > 0n ? candid : null
  point.magnitude = Math.fround(magnitude)
  point.error = Math.fround(error)
  point.realBogus = null
  point.solarSystemDistance = null
}

/** Makes a point an upper limit, if the limit is valid. */
export function setUpperLimit(point: DraftPoint, limit: Value | undefined): boolean {
  if (!isLimit(limit)) return false
  point.detection = false
  point.positive = false
  point.candid = null
  point.magnitude = Math.fround(limit)
  point.error = 0
  point.realBogus = null
  point.solarSystemDistance = null
  return true
}
