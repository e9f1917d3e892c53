import { createRequire } from 'node:module'
import { HieraxError } from 'hierax/errors.ts'
import { type Band, bands, type FilterId } from 'hierax/lightcurves/points/observation.ts'
import { z } from 'zod'
import { conversionHint } from '../convert/hint.ts'
import { checkedLine, invalidLine, type JsonLine, jsonLines } from './json-lines.ts'
import type { PhotometryKind, SimulatedLightCurve } from './light-curve.ts'
import { type Measurement, measurementFault, toDifference } from './photometry.ts'

/** The light curves that come with the package: 44 real ones of many classes; see `examples/README.md`. */
export const bundledLightCurves = createRequire(import.meta.url).resolve('hierax/examples/lightcurves.jsonl')

const numbers = z.array(z.number().nullable())
const photometryKinds = z.enum(['difference_mag', 'total_mag', 'difference_flux_uJy'])

/** One line of a light-curve file. The arrays run in parallel, one item a point. */
const line = z.object({
  id: z.string().min(1),
  label: z.string().nullish(),
  source: z.string().min(1).default('unknown'),
  photometry: photometryKinds.optional(),
  ra: z.number().min(0).max(360).nullish(),
  dec: z.number().min(-90).max(90).nullish(),
  mjd: z.array(z.number().min(50_000).max(100_000)),
  band: z.array(z.enum(['g', 'r', 'i'])),
  mag: numbers.optional(),
  flux: numbers.optional(),
  err: numbers,
  ul: z.array(z.union([z.literal(0), z.literal(1), z.boolean()]).nullable()).optional(),
  pos: z.array(z.enum(['t', 'f', '1', '0'], { error: 'should be t, 1, f or 0' }).nullable()).optional()
})

/** A line of a light-curve file: `label` and `photometry` are null where it has none. */
export interface LightCurveLine extends Omit<SimulatedLightCurve, 'label'> {
  readonly label: string | null
  readonly photometry: PhotometryKind | null
  /** File and line, for errors. */
  readonly where: string
}

/**
 * Reads light curves from a JSON Lines file (gzip-compressed when its name ends in `.gz`), one object a line with `id`, `mjd`, `band`,
 * `mag` or `flux` (μJy), `err`, and where known `photometry` (`difference_mag`, which is the default, `difference_flux_uJy` or
 * `total_mag`), `label`, `source`, `ra`, `dec`, `ul` (1 = upper limit) and `pos` (`t`/`f`, sign). Everything becomes difference
 * photometry.
 *
 * @throws HieraxError INPUT_NOT_FOUND for a missing or unreadable file; DATA_INVALID for a line that is no light curve, by
 *   number, and by field where one is to blame; for a file of another format with the command that converts it
 */
export async function* lightCurveLines(file: string): AsyncGenerator<LightCurveLine> {
  let count = 0
  try {
    for await (const content of jsonLines(file)) {
      const object = checkedLine(line, content)
      const { id, label = null, source, photometry = null, ra = null, dec = null } = object
      const points = toDifference(photometry ?? 'difference_mag', measurementsOf(object, content))
      count++
      yield { id, label, source, photometry, ra, dec, points, where: content.where }
    }
  } catch (error) {
    if (count > 0 || !(error instanceof HieraxError) || error.code !== 'DATA_INVALID') throw error
    const hint = await conversionHint(file)
    throw hint === null ? error : new HieraxError('DATA_INVALID', `${error.message}; ${hint}`, { cause: error })
  }
}

/** Light curves for the simulator, as {@link lightCurveLines} reads them; their label is `unknown` where a line has none. */
export async function* readLightCurves(file = bundledLightCurves): AsyncGenerator<SimulatedLightCurve> {
  for await (const { id, label, source, ra, dec, points } of lightCurveLines(file)) {
    yield { id, label: label ?? 'unknown', source, ra, dec, points }
  }
}

/** The measurements of a line, every one checked. Throws DATA_INVALID by line and field. */
function measurementsOf(object: z.infer<typeof line>, { where, notNumbers }: JsonLine): Measurement[] {
  const refuse = (field: string, message: string): never => {
    throw invalidLine(where, field, message)
  }
  const { photometry = 'difference_mag', mjd, band, err, ul, pos } = object
  const name = photometry === 'difference_flux_uJy' ? 'flux' : 'mag'
  const values = object[name]
  if (values === undefined) return refuse(name, `it is missing, and ${photometry} needs it`)
  for (const [field, column] of Object.entries({ band, [name]: values, err, ul, pos })) {
    const length = column?.length ?? mjd.length
    if (length !== mjd.length) refuse(field, `it has ${length} items, mjd has ${mjd.length}`)
  }
  return mjd.map((time, index): Measurement => {
    const upperLimit = Boolean(ul?.[index])
    const value = values[index] ?? null
    const error = upperLimit ? null : (err[index] ?? null)
    if (value === null) {
      const got = notNumbers.get(`${name}[${index}]`) ?? 'null'
      return refuse(`${name}[${index}]`, `expected a number, got ${got}; leave the point out of all arrays`)
    }
    const fault = measurementFault(photometry, { value, error, upperLimit })
    if (fault !== null) {
      const field = `${fault.column}[${index}]`
      return refuse(field, fault.message.replace(/null$/, notNumbers.get(field) ?? 'null'))
    }
    const fid = (bands.indexOf(band[index] as Band) + 1) as FilterId
    const sign = pos?.[index]
    return { mjd: time, fid, value, error, upperLimit, positive: sign !== 'f' && sign !== '0' }
  })
}
