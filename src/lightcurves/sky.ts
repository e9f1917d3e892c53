/** A place on the sky, degrees, J2000. */
export interface Position {
  readonly ra: number
  readonly dec: number
}

/** A circle on the sky; radius in arcsec. */
export interface Cone extends Position {
  readonly radius: number
}

/** Cells from the first to the last, both included. */
export type CellRange = readonly [first: number, last: number]

/*
 * The index of positions divides the sky into cells of one arcmin in declination (zones) and right ascension, numbered zone by zone from the
 * south pole and by right ascension in each zone. See Gray, Nieto-Santisteban and Szalay 2006, "The Zones Algorithm".
 */
const perDegree = 60
const zones = 180 * perDegree
const cellsPerZone = 360 * perDegree

/** The cell of objects of which no alert, and so no position, is known. */
export const nowhere = zones * cellsPerZone

/** Added to the radius of a cone where cells are chosen, arcsec, so that rounding excludes no cell. */
const margin = 2

/** The cell of a position; `nowhere` for null. */
export function cellOf(position: Position | null): number {
  if (position === null) return nowhere
  return zoneOf(position.dec) * cellsPerZone + columnOf(position.ra)
}

/** The cells that a cone touches, and few others, in ascending ranges. */
export function cellsAround({ ra, dec, radius }: Cone): CellRange[] {
  const reach = (radius + margin) / 3600
  const [south, north] = [dec - reach, dec + reach]
  const [first, last] = [zoneOf(south), zoneOf(north)]
  const ratio = Math.sin(radians(reach)) / Math.cos(radians(dec))
  // A cone with a pole in it has points of every right ascension.
  if (south <= -90 || north >= 90 || ratio >= 1) return [[first * cellsPerZone, (last + 1) * cellsPerZone - 1]]
  const width = Math.asin(ratio) * (180 / Math.PI)
  const [from, to] = [columnOf(ra - width), columnOf(ra + width)]
  const parts: readonly CellRange[] =
    from <= to
      ? [[from, to]]
      : [
          [0, to],
          [from, cellsPerZone - 1]
        ]
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * cellsPerZone).flatMap(zone =>
    parts.map(([a, b]): CellRange => [zone + a, zone + b])
  )
}

/** The angle between two positions, arcsec (haversine formula, exact for small angles). */
export function separation(a: Position, b: Position): number {
  const sine = (degrees: number): number => Math.sin(radians(degrees) / 2) ** 2
  const h = sine(a.dec - b.dec) + Math.cos(radians(a.dec)) * Math.cos(radians(b.dec)) * sine(a.ra - b.ra)
  return 2 * Math.asin(Math.min(1, Math.sqrt(h))) * (180 / Math.PI) * 3600
}

function zoneOf(dec: number): number {
  return Math.min(zones - 1, Math.max(0, Math.floor((dec + 90) * perDegree)))
}

function columnOf(ra: number): number {
  const turned = ((ra % 360) + 360) % 360
  return Math.floor(turned * perDegree) % cellsPerZone
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
