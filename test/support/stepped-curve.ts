import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { SteppedCurve } from '../../src/classifier/network/sequence-rows.ts'
import { pointsOf } from '../../src/classifier/points.ts'
import type { FilterId, Observation } from '../../src/lightcurves/points/observation.ts'
import { shared } from './shared.ts'

/** An array of points as a light curve for a classifier. */
export function steppedCurve(points: readonly Observation[]): SteppedCurve {
  const hashes = [0n]
  for (const point of points) {
    const text = JSON.stringify({ ...point, candid: String(point.candid) })
    const hash = createHash('sha256').update(text).digest().readBigUInt64LE(0)
    hashes.push(BigInt.asUintN(64, (hashes.at(-1) as bigint) + hash))
  }
  return { ...pointsOf(points), hashOf: length => hashes[length] as bigint }
}

const noQuality = { realBogus: null, solarSystemDistance: null }

/** A detection with default values. */
export function detection(jd: number, fid: FilterId, magnitude: number, error = 0.1, positive = true): Observation {
  const candid = BigInt(Math.round(jd * 1e6)) * 4n + BigInt(fid)
  return {
    jd,
    fid,
    detection: true,
    own: true,
    positive,
    candid,
    magnitude: Math.fround(magnitude),
    error,
    ...noQuality
  }
}

/** An upper limit. */
export function upperLimit(jd: number, fid: FilterId, magnitude: number): Observation {
  const nothing = { detection: false, own: false, positive: false, candid: null, error: 0, ...noQuality }
  return { jd, fid, magnitude: Math.fround(magnitude), ...nothing }
}

/** A labelled object with the reference study's values after every detection. */
export interface ReferenceCase {
  readonly id: string
  readonly label: string
  readonly points: readonly Observation[]
  readonly inputs: readonly (readonly number[])[]
  readonly conditional: readonly (readonly number[])[]
}

interface CaseLine extends Omit<ReferenceCase, 'points'> {
  points: { mjd: number; band: string; mag: number; err: number | null; upperLimit: boolean; sign: number }[]
}

/** The test cases of `../shared/reference`, with points in their order and magnitudes in double precision. */
export function referenceCases(): ReferenceCase[] {
  const lines = gunzipSync(readFileSync(path.join(shared, 'reference/cases.jsonl.gz'))).toString('utf8')
  return lines
    .split('\n')
    .filter(Boolean)
    .map(line => {
      const { points, ...rest } = JSON.parse(line) as CaseLine
      const observations = points.map(({ mjd, band, mag, err, upperLimit, sign }, at): Observation => {
        const fid = ('gri'.indexOf(band) + 1) as FilterId
        const candid = upperLimit ? null : BigInt(at)
        const positive = sign > 0 && !upperLimit
        const jd = mjd + 2400000.5
        return {
          jd,
          fid,
          detection: !upperLimit,
          own: true,
          positive,
          candid,
          magnitude: mag,
          error: err ?? 0,
          ...noQuality
        }
      })
      return { ...rest, points: observations }
    })
}
