import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { HieraxError } from 'hierax/errors.ts'
import { type Band, bands, type FilterId } from 'hierax/lightcurves/observation.ts'
import { z } from 'zod'
import type { SimulatedLightCurve } from './light-curve.ts'
import { type Measurement, measurementFault, toDifference } from './photometry.ts'

/** The light curves that come with the package: about 40 real ones of every class; see `examples/README.md`. */
export const bundledLightCurves = createRequire(import.meta.url).resolve('hierax/examples/lightcurves.jsonl')

const numbers = z.array(z.number().nullable())

/** One line of a light-curve file; arrays run in parallel, one item a point. */
const line = z
  .object({
    id: z.string().min(1),
    label: z.string().default('unknown'),
    source: z.string().default('unknown'),
    photometry: z.enum(['difference_mag', 'total_mag', 'difference_flux_uJy']).default('difference_mag'),
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
  .refine(object => object.mag || object.flux, { message: 'it has neither `mag` nor `flux`' })
  .refine(
    ({ mjd, band, mag, flux, err, ul, pos }) =>
      [band, mag, flux, err, ul, pos].every(column => column === undefined || column.length === mjd.length),
    { message: 'its arrays differ in length' }
  )

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
  let number = 0
  try {
    for await (const text of lines(file)) {
      number += 1
      if (text.trim() !== '') yield parse(text, `${file}, line ${number}`)
    }
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

/** Lines of a text file, unzipped when its name ends in `.gz`. */
export function lines(file: string): AsyncIterable<string> {
  const raw = createReadStream(file)
  if (!file.endsWith('.gz')) return createInterface({ input: raw, crlfDelay: Number.POSITIVE_INFINITY })
  const unzipped = createGunzip()
  // Passed on by hand: the reader of lines listens only to the stream that it is given.
  raw.on('error', error => unzipped.destroy(error))
  return createInterface({ input: raw.pipe(unzipped), crlfDelay: Number.POSITIVE_INFINITY })
}

/** One line of a light-curve file. */
function parse(text: string, where: string): SimulatedLightCurve {
  const object = checked(text, where)
  const name = object.photometry === 'difference_flux_uJy' ? 'flux' : 'mag'
  const values = object[name] ?? []
  const measurements: Measurement[] = []
  for (const [index, mjd] of object.mjd.entries()) {
    const value = values[index]
    const error = object.err[index] ?? null
    const upperLimit = Boolean(object.ul?.[index])
    if (value === null || value === undefined || (!upperLimit && (error === null || error <= 0))) continue
    const fault = measurementFault(object.photometry, { value, error, upperLimit })
    if (fault) throw invalid(where, `${fault.column}[${index}]`, fault.message)
    const sign = object.pos?.[index]
    measurements.push({
      mjd,
      fid: (bands.indexOf(object.band[index] as Band) + 1) as FilterId,
      value,
      error: upperLimit ? null : error,
      upperLimit,
      positive: sign !== 'f' && sign !== '0'
    })
  }
  const { id, label, source, ra = null, dec = null } = object
  return { id, label, source, ra, dec, points: toDifference(object.photometry, measurements) }
}

/** A line's object, its fields checked one by one. */
function checked(text: string, where: string): z.infer<typeof line> {
  let value: unknown
  try {
    value = parseJson(text)
  } catch (cause) {
    throw new HieraxError('DATA_INVALID', `${where}: not a light curve (${(cause as Error).message})`, { cause })
  }
  const parsed = line.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalid(where, fieldName(issue?.path ?? []), issue?.message ?? 'it is not valid')
}

/** `field` is empty where the line as a whole is at fault. */
function invalid(where: string, field: string, message: string): HieraxError {
  return new HieraxError('DATA_INVALID', `${where}${field === '' ? '' : `, field ${field}`}: ${message}`)
}

/** A path in a line as people write it: `pos[0]`. */
export function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at > 0 ? '.' : ''}${String(part)}`))
    .join('')
}

/** JSON, and what Python writes for missing numbers: NaN and Infinity are read as null. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const repaired = text.replaceAll(/(?<=[:,[]\s*)-?(?:NaN|Infinity)(?=\s*[,\]}])/g, 'null')
    if (repaired === text) throw error
    return JSON.parse(repaired)
  }
}

/** The error for a file that can't be read: INPUT_NOT_FOUND, unless `cause` is an error of the table already. */
export function unreadable(file: string, cause: unknown): HieraxError {
  if (cause instanceof HieraxError) return cause
  const code = (cause as NodeJS.ErrnoException).code
  const reason = code === 'ENOENT' ? 'does not exist' : `can't be read (${code ?? String(cause)})`
  return new HieraxError('INPUT_NOT_FOUND', `${file} ${reason}`, { cause })
}
