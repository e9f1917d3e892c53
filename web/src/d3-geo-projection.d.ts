declare module 'd3-geo-projection' {
  import type { GeoProjection } from 'd3-geo'

  /** Mollweide's equal-area projection of the whole sphere. */
  export function geoMollweide(): GeoProjection
}
