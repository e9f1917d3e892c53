import { createRequire } from 'node:module'
import { type Band, bands, type FilterId } from 'hierax/lightcurves/observation.ts'
import { z } from 'zod'
import { checkedLine, invalidLine, type JsonLine, jsonLines } from './json-lines.ts'
import type { SimulatedLightCurve } from './light-curve.ts'
import { type Measurement, measurementFault, toDifference } from './photometry.ts'

/** The light curves that come with the package: about 40 real ones of every class; see `examples/README.md`. */
export const bundledLightCurves = createRequire(import.meta.url).resolve('hierax/examples/lightcurves.jsonl')

const numbers = z.array(z.number().nullable())

/** Kinds of photometry that a line may hold. */
export const photometryKinds = z.enum(['difference_mag', 'total_mag', 'difference_flux_uJy'])

/** Arrays of a line; they run in parallel, one item a point. */
export const columns = {
  mjd: z.array(z.number().min(50_000).max(100_000)),
  band: z.array(z.enum(['g', 'r', 'i'])),
  mag: numbers.optional(),
  flux: numbers.optional(),
  err: numbers,
  ul: z.array(z.union([z.literal(0), z.literal(1), z.boolean()]).nullable()).optional(),
  pos: z.array(z.enum(['t', 'f', '1', '0'], { error: 'should be t, 1, f or 0' }).nullable()).optional()
}
const points = z.object({ photometry: photometryKinds, ...columns })

/** One line of a light-curve file. */
const line = z.object({
  id: z.string().min(1),
  label: z.string().default('unknown'),
  source: z.string().default('unknown'),
  photometry: photometryKinds.default('difference_mag'),
  ra: z.number().min(0).max(360).nullish(),
  dec: z.number().min(-90).max(90).nullish(),
  ...columns
})

/**
 * Reads light curves from a JSON Lines file (gzip-compressed when its name ends in `.gz`), one object a line with `id`,
 * `photometry` (`difference_mag`, `difference_flux_uJy` or `total_mag`), `mjd`, `band`, `mag` or `flux`, `err`, and where
 * known `label`, `source`, `ra`, `dec`, `ul` (1 = upper limit) and `pos` (`t`/`f`, sign). Everything becomes difference
 * photometry.
 *
 * @throws HieraxError INPUT_NOT_FOUND for a missing or unreadable file; DATA_INVALID for a line that is no light curve, by
 *   number, and by field where one is to blame
 */
export async function* readLightCurves(file = bundledLightCurves): AsyncGenerator<SimulatedLightCurve> {
  for await (const each of jsonLines(file)) yield parse(each)
}

/** One line of a light-curve file. */
function parse(content: JsonLine): SimulatedLightCurve {
  const object = checkedLine(line, content)
  const { id, label, source, photometry, ra = null, dec = null } = object
  return { id, label, source, ra, dec, points: toDifference(photometry, measurementsOf(object, content.where)) }
}

/** The measurements of a line, every one checked. Throws DATA_INVALID by line and field. */
export function measurementsOf(object: z.infer<typeof points>, where: string): Measurement[] {
  const refuse = (field: string, message: string): never => {
    throw invalidLine(where, field, message)
  }
  const { photometry, mjd, band, err, ul, pos } = object
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
    if (value === null) return refuse(`${name}[${index}]`, 'expected a number, got null')
    const fault = measurementFault(photometry, { value, error, upperLimit })
    if (fault !== null) return refuse(`${fault.column}[${index}]`, fault.message)
    const fid = (bands.indexOf(band[index] as Band) + 1) as FilterId
    const sign = pos?.[index]
    return { mjd: time, fid, value, error, upperLimit, positive: sign !== 'f' && sign !== '0' }
  })
}
