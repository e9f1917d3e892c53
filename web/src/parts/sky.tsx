import { type GeoProjection, geoGraticule, geoPath } from 'd3-geo'
import { geoMollweide } from 'd3-geo-projection'
import { useMemo } from 'preact/hooks'
import { rows } from '../data/live.ts'
import { currentClassification, object } from '../data/object.ts'
import { degreesText, hoursText } from '../draw/format.ts'
import { fromGalactic, toGalactic } from '../draw/galactic.ts'
import { useRoom } from '../draw/size.ts'
import { Panel } from './panel.tsx'

/** Galactic plane in equatorial coordinates, degrees. */
const plane = {
  type: 'LineString' as const,
  coordinates: Array.from({ length: 121 }, (_, index) => fromGalactic(index * 3, 0))
}
const graticule = geoGraticule().step([30, 30])()
const centre = fromGalactic(0, 0)

/** An all-sky map (Mollweide projection, right ascension increasing to the left) with the object and those of the list. */
export function Sky() {
  const [frame, room] = useRoom<HTMLDivElement>()
  const { width, rem } = room
  const height = width / 2
  const projection = useMemo(
    () =>
      (geoMollweide() as GeoProjection)
        .reflectX(true)
        .rotate([-180, 0])
        .precision(0.5)
        .fitExtent(
          [
            [1, 1],
            [Math.max(2, width - 1), Math.max(2, height - 1)]
          ],
          { type: 'Sphere' }
        ),
    [width, height]
  )
  const lines = useMemo(() => {
    const draw = geoPath(projection)
    return { sphere: draw({ type: 'Sphere' }) ?? '', grid: draw(graticule) ?? '', plane: draw(plane) ?? '' }
  }, [projection])
  const own = currentClassification.value ?? object.value?.newest ?? null
  const at = own && projection([own.ra, own.dec])
  const galactic = own && toGalactic(own.ra, own.dec)
  const heart = projection(centre)
  return (
    <Panel title="Sky" id="sky">
      <div class="sky-frame" ref={frame}>
        {width > 0 && (
          <svg
            width={width}
            height={height}
            role="img"
            aria-label={
              own
                ? `All-sky map: the object at right ascension ${own.ra.toFixed(4)}, declination ${own.dec.toFixed(4)} degrees`
                : 'All-sky map'
            }
          >
            <path class="sphere" d={lines.sphere} />
            <path class="graticule" d={lines.grid} />
            <path class="galaxy" d={lines.plane} />
            {heart && <path class="centre" d={`M${heart[0] - 4},${heart[1]}h8M${heart[0]},${heart[1] - 4}v8`} />}
            {[6, 12, 18].map(hour => {
              const place = projection([hour * 15, 0])
              return (
                place && (
                  <text key={hour} class="tick" x={place[0]} y={place[1] - rem * 0.3} text-anchor="middle">
                    {hour}h
                  </text>
                )
              )
            })}
            {rows.value.map(({ objectId, ra, dec }) => {
              const place = projection([ra, dec])
              return place && <circle key={objectId} class="other" cx={place[0]} cy={place[1]} r={rem * 0.14} />
            })}
            {at && (
              <g class="here" transform={`translate(${at[0]},${at[1]})`}>
                <circle r={rem * 0.55} />
                <path
                  d={`M${-rem},0h${rem * 0.45}M${rem},0h${-rem * 0.45}M0,${-rem}v${rem * 0.45}M0,${rem}v${-rem * 0.45}`}
                />
              </g>
            )}
          </svg>
        )}
      </div>
      {own && galactic && (
        <dl class="facts">
          <dt>RA, Dec</dt>
          <dd>
            {hoursText(own.ra)} {degreesText(own.dec)}
          </dd>
          <dt>degrees</dt>
          <dd>
            {own.ra.toFixed(5)} {own.dec.toFixed(5)}
          </dd>
          <dt>galactic</dt>
          <dd>
            l {galactic[0].toFixed(2)}° b {galactic[1].toFixed(2)}°
          </dd>
        </dl>
      )}
      <p class="caption">Dots: objects of the list. Dashed: the galactic plane, + its centre.</p>
    </Panel>
  )
}
