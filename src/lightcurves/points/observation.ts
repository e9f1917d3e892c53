/** ZTF filter: 1 = g, 2 = r, 3 = i. */
export type FilterId = 1 | 2 | 3

/** Photometric band. */
export type Band = 'g' | 'r' | 'i'

/** Bands by filter number minus one. */
export const bands: readonly [Band, Band, Band] = ['g', 'r', 'i']

/** The band of a ZTF filter number. */
export function bandOf(fid: FilterId): Band {
  return bands[fid - 1] as Band
}

/**
 * One difference-photometry point of an object. Its identity within the object is (`jd`, `fid`): `jd` names the
 * exposure. Magnitudes and errors are IEEE single precision, as ZTF sends them.
 */
export interface Observation {
  /** Julian date of mid-exposure, days (exact double). */
  readonly jd: number
  readonly fid: FilterId
  /** A detection, or a 5-sigma upper limit. */
  readonly detection: boolean
  /** From the point's own alert packet (full precision) rather than from a later packet's history (four decimals). */
  readonly own: boolean
  /** Sign of the difference: true where the source is brighter than the reference. False for upper limits. */
  readonly positive: boolean
  /** Number of the candidate, null where there is none (upper limits). */
  readonly candid: bigint | null
  /** `magpsf` of a detection, `diffmaglim` of an upper limit; mag, single precision. */
  readonly magnitude: number
  /** `sigmapsf`, mag, single precision; 0 for upper limits. */
  readonly error: number
  /** `drb`, else `rb`, 0 (bogus) to 1 (real), single precision; null where unknown, and for upper limits. */
  readonly realBogus: number | null
  /** `ssdistnr`, arcsec, single precision; null where there is none, and for upper limits. */
  readonly solarSystemDistance: number | null
  /** Survey programme of the exposure (`programid`); absent if it is not known. */
  readonly program?: number
}

/**
 * The fields of an alert that only its own packet contains. They are kept with the object for its newest alerts, so that these can
 * be classified again.
 */
export interface AlertRecord {
  readonly candid: bigint
  /** Julian date of mid-exposure, days. */
  readonly jd: number
  /** Right ascension and declination, degrees, J2000. */
  readonly ra: number
  readonly dec: number
  /** Survey programme: 1 public, 2 and 3 restricted. */
  readonly programId: number
  /** Null where the programme is not admitted: no photometry of it is kept. */
  readonly photometry: AlertPhotometry | null
}

/** Photometry and catalogue context of an alert, as published in the message's `alert` field. */
export interface AlertPhotometry {
  readonly band: Band
  /** `magpsf` and `sigmapsf`, mag. */
  readonly magnitude: number
  readonly error: number
  /** Sign of the difference. */
  readonly positive: boolean
  /** `drb`, else `rb`, 0 (bogus) to 1 (real); null where the packet has neither. */
  readonly realBogus: number | null
  /** Star–galaxy score of the nearest catalogue source (`sgscore1`), 0 galaxy to 1 star. */
  readonly starScore: number | null
  /** Distance to that source (`distpsnr1`), arcsec. */
  readonly starDistance: number | null
  /** Distance to the nearest known solar-system object (`ssdistnr`), arcsec; null where there is none. */
  readonly solarSystemDistance: number | null
  /** Name of that object (`ssnamenr`); absent if the packet has none. It is not part of the fingerprint. */
  readonly solarSystemName?: string
  /** Number of points of the packet's history that are not used because of their values; absent if there are none. */
  readonly droppedPoints?: number
  /** What the packet says about the place and its history. */
  readonly context: AlertContext
}

/**
 * Fields of a packet that a context term may use, by the names that ZTF gives them. The order is that of the stored bytes and of the
 * message.
 */
export const contextFields = [
  'sgscore1',
  'distpsnr1',
  'sgmag1',
  'srmag1',
  'simag1',
  'szmag1',
  'sgscore2',
  'distpsnr2',
  'distnr',
  'magnr',
  'chinr',
  'sharpnr',
  'neargaia',
  'maggaia',
  'classtar',
  'ndethist',
  'ncovhist',
  'jdstarthist'
] as const
export type ContextField = (typeof contextFields)[number]

/** The context of an alert: null where the packet has nothing (−999, a negative distance, a score outside 0 to 1). */
export type AlertContext = Readonly<Record<ContextField, number | null>>

/** A context of which nothing is known. A copy of it is filled faster than an object without fields. */
export const noContext = Object.fromEntries(contextFields.map(name => [name, null])) as unknown as AlertContext
