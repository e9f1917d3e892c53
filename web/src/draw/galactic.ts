/*
 * Galactic coordinates of J2000 and back: the north galactic pole at 192.85948°, 27.12825°, the north celestial pole at
 * galactic longitude 122.93192° (Hipparcos catalogue, ESA SP-1200, 1.5.3). All in degrees.
 */
const radians = Math.PI / 180
const poleRa = 192.85948 * radians
const poleDec = 27.12825 * radians
const poleLongitude = 122.93192 * radians

/** Galactic longitude and latitude of a position. */
export function toGalactic(ra: number, dec: number): [number, number] {
  return turned(ra * radians, dec * radians, poleRa, poleLongitude)
}

/** Right ascension and declination of galactic coordinates. */
export function fromGalactic(l: number, b: number): [number, number] {
  return turned(l * radians, b * radians, poleLongitude, poleRa)
}

function turned(longitude: number, latitude: number, pole: number, zero: number): [number, number] {
  const difference = longitude - pole
  const sine = Math.sin(poleDec) * Math.sin(latitude) + Math.cos(poleDec) * Math.cos(latitude) * Math.cos(difference)
  const y = Math.cos(latitude) * Math.sin(difference)
  const x = Math.cos(poleDec) * Math.sin(latitude) - Math.sin(poleDec) * Math.cos(latitude) * Math.cos(difference)
  const around = (zero - Math.atan2(y, x)) / radians
  return [((around % 360) + 360) % 360, Math.asin(Math.max(-1, Math.min(1, sine))) / radians]
}
