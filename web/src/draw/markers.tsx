import { type SymbolType, symbol, symbolCircle, symbolDiamond, symbolSquare } from 'd3-shape'

/** A band of ZTF. */
export type BandName = 'g' | 'r' | 'i'

const shapes: Record<BandName, SymbolType> = { g: symbolCircle, r: symbolSquare, i: symbolDiamond }

/** Outline of a detection's marker around the origin; each band has its own shape, independent of colour. */
export function markerPath(band: BandName, area: number): string {
  return symbol(shapes[band], area)() ?? ''
}

/** Outline of an upper limit's triangle, which points down to fainter magnitudes, around the origin. */
export function limitPath(size: number): string {
  const half = size / 2
  return `M${-half},${-half * 0.7}H${half}L0,${half}Z`
}

/** Sign inside an upper limit's triangle that names its band without colour: none for g, a dot for r, a bar for i. */
export function limitSign(band: BandName, size: number): string {
  if (band === 'g') return ''
  const y = -size * 0.12
  const half = band === 'r' ? size * 0.04 : size * 0.22
  return `M${-half},${y}H${half}`
}

/** A band's marker as an icon beside its name. */
export function BandMark({ band }: { band: BandName }) {
  return (
    <svg class={`mark band-${band}`} viewBox="-8 -8 16 16" aria-hidden="true">
      <path class="detection" d={markerPath(band, band === 'i' ? 60 : 80)} />
    </svg>
  )
}
