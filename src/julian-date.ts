/** Julian date of the Unix epoch. */
const epoch = 2_440_587.5
const msPerDay = 86_400_000

/** The time of a Julian date, epoch ms. */
export function timeOfJd(jd: number): number {
  return (jd - epoch) * msPerDay
}

/** The Julian date of a time, epoch ms. */
export function jdOfTime(time: number): number {
  return epoch + time / msPerDay
}

/**
 * The time of a date with or without a time of day, epoch ms: `2025-01-31`, `2025-01-31T12:00` (UTC), `2025-01-31 12:00:00.5Z`,
 * `2025-01-31T12:00+01:00`. Null for anything else, such as 31 April.
 */
export function timeOfDate(text: string): number | null {
  const form = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/
  const [, date = '', clock = '00:00', zone = 'Z'] = form.exec(text.trim()) ?? []
  const time = Date.parse(`${date}T${clock}${zone}`)
  // JavaScript reads 31 April as 1 May.
  const isDate = new Date(Date.parse(`${date}T00:00Z`) || 0).toISOString().startsWith(date)
  return Number.isNaN(time) || !isDate ? null : time
}

/** The Julian date that a text names: a Julian date, or a date as `timeOfDate` reads; null for anything else. */
export function parseJd(text: string): number | null {
  const given = text.trim()
  const number = /^\d+(\.\d+)?$/.test(given) ? Number(given) : Number.NaN
  if (number >= 2_400_000 && number < 2_600_000) return number
  const time = timeOfDate(given)
  return time === null ? null : jdOfTime(time)
}

/** A Julian date as UTC in ISO 8601, to the second; `JD …` if it is out of the calendar's range. */
export function utcOfJd(jd: number): string {
  const time = new Date(timeOfJd(jd))
  return Number.isNaN(time.getTime()) ? `JD ${jd}` : `${time.toISOString().slice(0, 19)}Z`
}
