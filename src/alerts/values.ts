import type { AlertContext } from '../lightcurves/observation.ts'
import { contextColumn } from './projection.ts'
import type { Value } from './readers.ts'

/*
 * Values of a packet of which some stand for "none": null, NaN, −999 as the survey writes it, and whatever else others write in its
 * place. What a thing can't be is none: a distance is not negative, a score is within 0 and 1.
 */

/** Julian dates of the survey's exposures, by far. */
export const jdRange = { from: 2_450_000, to: 2_500_000 }

/** Magnitudes of catalogue sources lie within ±90: what stands for none, −999, −99, 99 or 999, does not. */
const noMagnitude = 90

/** A score within 0 and 1, or null. */
export function score(value: Value | undefined): number | null {
  return isBetween(value, 0, 1) ? value : null
}

/** A distance, or null. */
export function distance(value: Value | undefined): number | null {
  return atLeastZero(value)
}

/** What a packet says of its place and history beside the photometry; `own` are the columns of the candidate. */
export function contextOf(own: readonly Value[]): AlertContext {
  return {
    sgscore1: score(own[contextColumn.sgscore1]),
    distpsnr1: distance(own[contextColumn.distpsnr1]),
    sgmag1: magnitude(own[contextColumn.sgmag1]),
    srmag1: magnitude(own[contextColumn.srmag1]),
    simag1: magnitude(own[contextColumn.simag1]),
    szmag1: magnitude(own[contextColumn.szmag1]),
    sgscore2: score(own[contextColumn.sgscore2]),
    distpsnr2: distance(own[contextColumn.distpsnr2]),
    distnr: distance(own[contextColumn.distnr]),
    magnr: magnitude(own[contextColumn.magnr]),
    chinr: atLeastZero(own[contextColumn.chinr]),
    sharpnr: sharpness(own[contextColumn.sharpnr]),
    neargaia: distance(own[contextColumn.neargaia]),
    maggaia: magnitude(own[contextColumn.maggaia]),
    classtar: score(own[contextColumn.classtar]),
    ndethist: atLeastZero(own[contextColumn.ndethist]),
    ncovhist: atLeastZero(own[contextColumn.ncovhist]),
    jdstarthist: isBetween(own[contextColumn.jdstarthist], jdRange.from, jdRange.to)
      ? (own[contextColumn.jdstarthist] as number)
      : null
  }
}

/** Whether a value is a number within bounds. */
export function isBetween(value: Value | undefined, from: number, to: number): value is number {
  return typeof value === 'number' && value >= from && value <= to
}

function magnitude(value: Value | undefined): number | null {
  return typeof value === 'number' && value > -noMagnitude && value < noMagnitude ? value : null
}

/** Sharpness may have either sign, and be large: only what stands for none is none. */
function sharpness(value: Value | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > -noMagnitude ? value : null
}

function atLeastZero(value: Value | undefined): number | null {
  return isBetween(value, 0, Number.MAX_VALUE) ? value : null
}
