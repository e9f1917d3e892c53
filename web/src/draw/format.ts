const unixEpochJd = 2440587.5
const msPerDay = 86_400_000

/** Julian date of modified Julian date 0. */
export const mjdZero = 2400000.5

/** A probability with two decimals that never reads 0.00 or 1.00 unless it is exact. */
export function probabilityText(value: number): string {
  if (value > 0 && value < 0.005) return '<0.01'
  if (value < 1 && value >= 0.995) return '>0.99'
  return value.toFixed(2)
}

/** As {@link probabilityText}, for a probability that the service rounded: 0 and 1 may be inexact. */
export function roundedText(value: number): string {
  return probabilityText(Math.min(1 - 1e-6, Math.max(1e-6, value)))
}

/** A Julian date as UTC, to the second. */
export function utcOf(jd: number): string {
  return new Date((jd - unixEpochJd) * msPerDay).toISOString().slice(0, 19).replace('T', ' ')
}

/** A number with a thousands separator, in millions from 1e7 on. */
export function countText(value: number): string {
  if (value >= 1e7) return `${(value / 1e6).toFixed(0)} M`
  return value.toLocaleString('en').replaceAll(',', ' ')
}

/** A rate; without decimals from 10 on. */
export function rateText(value: number): string {
  return value >= 10 || value === 0 ? countText(Math.round(value)) : value.toFixed(1)
}

/** A duration in days, or in hours below one day. */
export function daysText(days: number): string {
  if (days < 1) return `${(days * 24).toFixed(1)} h`
  return `${days < 10 ? days.toFixed(1) : countText(Math.round(days))} d`
}

/** Right ascension (degrees) as hours, minutes and seconds. */
export function hoursText(degrees: number): string {
  return sexagesimal(degrees / 15, 2, 'h', 'm', 's')
}

/** Declination (degrees) as degrees, minutes and seconds. */
export function degreesText(degrees: number): string {
  return `${degrees < 0 ? '−' : '+'}${sexagesimal(Math.abs(degrees), 1, '°', '′', '″')}`
}

function sexagesimal(value: number, decimals: number, ...units: readonly string[]): string {
  const scale = 10 ** decimals
  const total = Math.round(value * 3600 * scale)
  const seconds = (total % (60 * scale)) / scale
  const minutes = Math.floor(total / (60 * scale)) % 60
  const whole = Math.floor(total / (3600 * scale))
  const two = (number: number) => String(number).padStart(2, '0')
  const width = decimals + 3
  return `${two(whole)}${units[0]} ${two(minutes)}${units[1]} ${seconds.toFixed(decimals).padStart(width, '0')}${units[2]}`
}
