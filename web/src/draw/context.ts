import type { Classification } from '../data/types.ts'
import { countText, utcOf } from './format.ts'

type Context = NonNullable<Classification['context']>

/** The packet's context fields with plain names and units, without null fields. */
export function contextRows(context: Context): (readonly [name: string, value: string])[] {
  const rows: (readonly [string, string | null])[] = [
    ['nearest PS1 source', parts([arcsec(context.distpsnr1), scoreText(context.sgscore1)])],
    [
      'its magnitudes',
      parts([
        labelled('g', context.sgmag1, 2),
        labelled('r', context.srmag1, 2),
        labelled('i', context.simag1, 2),
        labelled('z', context.szmag1, 2)
      ])
    ],
    ['second nearest', parts([arcsec(context.distpsnr2), scoreText(context.sgscore2)])],
    ['nearest Gaia source', parts([arcsec(context.neargaia), labelled('G', context.maggaia, 2)])],
    [
      'in the reference image',
      parts([
        context.distnr === null ? null : `${context.distnr.toFixed(2)} px away`,
        context.magnr === null ? null : `${context.magnr.toFixed(2)} mag`,
        labelled('chi', context.chinr, 2),
        labelled('sharpness', context.sharpnr, 3)
      ])
    ],
    [
      'shape of the detection',
      context.classtar === null ? null : `${context.classtar.toFixed(2)} (1 is a point source)`
    ],
    ['detections at this position', countOf(context)],
    ['first detection', context.jdstarthist === null ? null : `${utcOf(context.jdstarthist).slice(0, 10)} UTC`]
  ]
  return rows.filter((row): row is readonly [string, string] => row[1] !== null)
}

function countOf({ ndethist, ncovhist }: Context): string | null {
  if (ndethist === null) return null
  const covered = ncovhist === null ? '' : ` in ${countText(ncovhist)} exposures`
  return `${countText(ndethist)}${covered}`
}

function scoreText(score: number | null): string | null {
  return score === null ? null : `star score ${score.toFixed(2)}`
}

function arcsec(value: number | null): string | null {
  return value === null ? null : `${value.toFixed(2)}″`
}

function labelled(name: string, value: number | null, decimals: number): string | null {
  return value === null ? null : `${name} ${value.toFixed(decimals).replace('-', '−')}`
}

function parts(texts: readonly (string | null)[]): string | null {
  const known = texts.filter(text => text !== null)
  return known.length > 0 ? known.join(', ') : null
}
