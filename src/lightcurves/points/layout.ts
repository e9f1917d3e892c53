import { canonicalPoint, pointFlag as flag, type Knowledge, pointHash, pointRevision } from './fingerprint.ts'
import type { FilterId, Observation } from './observation.ts'
import { lowerBound } from './ordering.ts'

/** Bytes of a stored point. */
export const pointSize = 36

/**
 * Where the fields of a stored point are (little endian): jd f64, candid i64 (0: none), magnitude f32, error f32, filter u8, flags u8,
 * number of superseded candids u8, origins of the quality and programme u8, real–bogus f32, solar-system distance f32 (NaN: null). The photometry
 * (jd to flags) lies together. What is published does not rest on this layout (`fingerprint.ts`): a test changes it.
 */
export const pointLayout = {
  photometry: 0,
  jd: 0,
  candid: 8,
  magnitude: 16,
  error: 20,
  fid: 24,
  flags: 25,
  superseded: 26,
  origins: 27,
  realBogus: 28,
  distance: 32
}
const at = pointLayout

/** The two fields of a point's quality; the bit of `origins` says that the point's own packet told it. */
export type QualityField = 'realBogus' | 'distance'
export const origin = { realBogus: 1, distance: 2 } as const

/** The other six bits of `origins` hold the programme plus one; 0: not known, as in points of earlier releases. */
const programShift = 2

/** The greatest programme that a point can say; of a greater one it is not known. ZTF has 0 to 3. */
export const maxProgram = 62

/** The NaN that represents null. */
export const nothing = 0x7fc00000

/** A view of a buffer's bytes, by which points are written: several times as fast as the buffer's own methods. */
export function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length)
}

/** Writes an observation of a programme at an offset, with no superseded candids. */
export function writePoint(
  target: DataView,
  offset: number,
  observation: Observation,
  program = observation.program
): void {
  const { candid, detection, own } = observation
  target.setFloat64(offset + at.jd, observation.jd, true)
  target.setBigInt64(offset + at.candid, candid ?? 0n, true)
  target.setFloat32(offset + at.magnitude, observation.magnitude, true)
  target.setFloat32(offset + at.error, detection ? observation.error : 0, true)
  target.setUint8(offset + at.fid, observation.fid)
  const flags =
    (detection ? flag.detection : 0) |
    (own ? flag.own : 0) |
    (detection && observation.positive ? flag.positive : 0) |
    (candid === null ? 0 : flag.candid)
  target.setUint8(offset + at.flags, flags)
  target.setUint8(offset + at.superseded, 0)
  const realBogus = detection ? observation.realBogus : null
  const distance = detection ? observation.solarSystemDistance : null
  const told = (realBogus === null ? 0 : origin.realBogus) | (distance === null ? 0 : origin.distance)
  target.setUint8(offset + at.origins, (own ? told : 0) | programBits(program))
  if (realBogus === null) target.setUint32(offset + at.realBogus, nothing, true)
  else target.setFloat32(offset + at.realBogus, realBogus, true)
  if (distance === null) target.setUint32(offset + at.distance, nothing, true)
  else target.setFloat32(offset + at.distance, distance, true)
}

/** Reads the observation at an offset. Its quality is given wherever it comes from. */
export function readPoint(source: Buffer, offset: number): Observation {
  const flags = source[offset + at.flags] as number
  const point: { -readonly [field in keyof Observation]: Observation[field] } = {
    jd: source.readDoubleLE(offset + at.jd),
    fid: source[offset + at.fid] as FilterId,
    detection: (flags & flag.detection) !== 0,
    own: (flags & flag.own) !== 0,
    positive: (flags & flag.positive) !== 0,
    candid: (flags & flag.candid) === 0 ? null : source.readBigInt64LE(offset + at.candid),
    magnitude: source.readFloatLE(offset + at.magnitude),
    error: source.readFloatLE(offset + at.error),
    realBogus: readNullable(source, offset + at.realBogus),
    solarSystemDistance: readNullable(source, offset + at.distance)
  }
  const program = programAt(source, offset)
  if (program !== null) point.program = program
  return point
}

/**
 * The observations that make the point at an offset, but for its superseded candids: one, or two where a part of the quality
 * of a point of its own packet comes from a history.
 */
export function observationsOf(source: Buffer, offset: number): Observation[] {
  const point = readPoint(source, offset)
  const origins = source[offset + at.origins] as number
  const realBogusOwn = point.realBogus === null || (origins & origin.realBogus) !== 0
  const distanceOwn = point.solarSystemDistance === null || (origins & origin.distance) !== 0
  if (!point.own || (realBogusOwn && distanceOwn)) return [point]
  const own = {
    realBogus: realBogusOwn ? point.realBogus : null,
    solarSystemDistance: distanceOwn ? point.solarSystemDistance : null
  }
  const history = {
    realBogus: realBogusOwn ? null : point.realBogus,
    solarSystemDistance: distanceOwn ? null : point.solarSystemDistance
  }
  return [
    { ...point, ...own },
    { ...point, own: false, ...history }
  ]
}

/** Whether the difference of the point at an offset is positive. */
export function isPositive(source: Buffer, offset: number): boolean {
  return ((source[offset + at.flags] as number) & flag.positive) !== 0
}

/** Whether the point at an offset is a detection. */
export function isDetection(source: Buffer, offset: number): boolean {
  return ((source[offset + at.flags] as number) & flag.detection) !== 0
}

/** The magnitude of the point at an offset if it is a detection with a positive difference, else infinite. By a view, as all points are read. */
export function brightnessOf(source: DataView, offset: number): number {
  const wanted = flag.detection | flag.positive
  const isWanted = (source.getUint8(offset + at.flags) & wanted) === wanted
  return isWanted ? source.getFloat32(offset + at.magnitude, true) : Number.POSITIVE_INFINITY
}

/** Filter number of the point at an offset. */
export function filterOf(source: Buffer, offset: number): FilterId {
  return source[offset + at.fid] as FilterId
}

/** The candid of the point at an offset; null where it has none. */
export function candidAt(source: Buffer, offset: number): bigint | null {
  return ((source[offset + at.flags] as number) & flag.candid) === 0 ? null : source.readBigInt64LE(offset + at.candid)
}

/** Julian date of the point at an offset; by a view, like its magnitude and error. */
export function timeOf(source: DataView, offset: number): number {
  return source.getFloat64(offset + at.jd, true)
}

export function magnitudeOf(source: DataView, offset: number): number {
  return source.getFloat32(offset + at.magnitude, true)
}

export function errorOf(source: DataView, offset: number): number {
  return source.getFloat32(offset + at.error, true)
}

/** The real–bogus score of the point at an offset; NaN where it is not known. */
export function realBogusOf(source: Buffer, offset: number): number {
  return source.readFloatLE(offset + at.realBogus)
}

/** The solar-system distance of the point at an offset; NaN where there is none. */
export function solarSystemDistanceOf(source: Buffer, offset: number): number {
  return source.readFloatLE(offset + at.distance)
}

/** The programme of the point at an offset; null where it is not known. */
export function programAt(source: Buffer, offset: number): number | null {
  const bits = programBitsAt(source, offset)
  return bits === 0 ? null : bits - 1
}

/**
 * Whether the programme of another point replaces that of the present one: it is greater, or the present one is unknown. An upper limit does
 * not affect a detection, because a full light curve may have dropped it before the detection came.
 */
export function addsProgram(present: Buffer, offset: number, other: Buffer, otherOffset: number): boolean {
  const isAlike = isDetection(present, offset) === isDetection(other, otherOffset)
  return isAlike && programBitsAt(present, offset) < programBitsAt(other, otherOffset)
}

/** Copies the programme of another point of the same exposure if {@link addsProgram}. */
export function joinProgram(target: Buffer, offset: number, other: Buffer, otherOffset: number): void {
  if (!addsProgram(target, offset, other, otherOffset)) return
  const ofQuality = (target[offset + at.origins] as number) % (1 << programShift)
  target[offset + at.origins] = ofQuality | (programBitsAt(other, otherOffset) << programShift)
}

function programBitsAt(source: Buffer, offset: number): number {
  return (source[offset + at.origins] as number) >>> programShift
}

function programBits(program: number | undefined): number {
  return program === undefined || program < 0 || program > maxProgram ? 0 : (program + 1) << programShift
}

/** Number of candids that the point's own superseded. */
export function supersededCount(source: Buffer, offset: number): number {
  return source[offset + at.superseded] as number
}

/** Sets the number of candids that the point's own superseded. */
export function setSupersededCount(target: Buffer, offset: number, count: number): void {
  target[offset + at.superseded] = count
}

/** What the point adds to an object's revision. */
export function revisionOf(source: Buffer, offset: number): number {
  const flags = source[offset + at.flags] as number
  const [realBogus, distance] = [knownOf(source, offset, 'realBogus'), knownOf(source, offset, 'distance')]
  return pointRevision(flags, supersededCount(source, offset), realBogus, distance)
}

/** Hash of the point, with the candids superseded there, ascending. */
export function hashPoint(source: Buffer, offset: number, superseded: readonly bigint[]): bigint {
  const [realBogus, distance] = [knownOf(source, offset, 'realBogus'), knownOf(source, offset, 'distance')]
  return pointHash(canonicalPoint(source, offset, at, superseded), realBogus, distance)
}

/** How well a field of the quality is known: 0 not at all, 1 from a history, 2 from the point's own packet. */
function knownOf(source: Buffer, offset: number, field: QualityField): Knowledge {
  if (source.readUInt32LE(offset + at[field]) === nothing) return 0
  return (source[offset + at.origins] as number) & origin[field] ? 2 : 1
}

function readNullable(source: Buffer, at: number): number | null {
  const value = source.readFloatLE(at)
  return Number.isNaN(value) ? null : value
}

/**
 * Superseded candids: those that were seen at a point besides the one in the view, as bytes (little endian): jd f64, filter u8, candid
 * i64 each, sorted by these.
 */
export const supersededSize = 17

/** Writes a superseded candid of the point at an offset of `points`. */
export function writeSuperseded(target: Buffer, entry: number, points: Buffer, offset: number, candid: bigint): void {
  target.writeDoubleLE(points.readDoubleLE(offset + at.jd), entry)
  target[entry + 8] = points[offset + at.fid] as number
  target.writeBigInt64LE(candid, entry + 9)
}

/** The candid of an entry. */
export function supersededCandidAt(superseded: Buffer, entry: number): bigint {
  return superseded.readBigInt64LE(entry + 9)
}

/** Where the entries of the point at an offset of `points` begin and end. */
export function supersededRange(superseded: Buffer, points: Buffer, offset: number): [from: number, to: number] {
  const compare = (entry: number): number => {
    const difference = superseded.readDoubleLE(entry) - points.readDoubleLE(offset + at.jd)
    return difference !== 0 ? difference : (superseded[entry + 8] as number) - (points[offset + at.fid] as number)
  }
  const count = superseded.length / supersededSize
  const from = supersededSize * lowerBound(count, index => compare(index * supersededSize) < 0)
  let to = from
  while (to < superseded.length && compare(to) === 0) to += supersededSize
  return [from, to]
}
