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

/** A Julian date as UTC in ISO 8601, to the second; `JD …` if it is out of the calendar's range. */
export function utcOfJd(jd: number): string {
  const time = new Date(timeOfJd(jd))
  return Number.isNaN(time.getTime()) ? `JD ${jd}` : `${time.toISOString().slice(0, 19)}Z`
}
