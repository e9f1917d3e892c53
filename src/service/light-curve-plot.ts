import { printable } from '../errors.ts'
import type { ObjectView, PointView } from './schema/schemas.ts'

/** The usual colours of the bands, readable on white, and a different symbol for each band. */
const bands = {
  g: { colour: '#14803f', sign: '●', symbol: '<circle r="3.5"/>' },
  r: { colour: '#c62828', sign: '■', symbol: '<path d="M-3.1,-3.1h6.2v6.2h-6.2Z"/>' },
  i: { colour: '#a15c00', sign: '◆', symbol: '<path d="M0,-5.77L3.33,0L0,5.77L-3.33,0Z"/>' }
} as const
const bandNames = Object.keys(bands) as PointView['band'][]
const triangle = '<path d="M0,-4.67L4.04,2.33L-4.04,2.33Z"/>'
const grey = '#555'

const width = 760
const height = 460
/** The frame that points are drawn in, px. */
const frame = { left: 60, right: width - 60, top: 84, bottom: height - 44 }
/** Maximum number of points drawn; more could not be distinguished. */
const maxPoints = 800

/** MJD of the Unix epoch, and a day in ms. */
const mjdOfEpoch = 40587
const msPerDay = 86_400_000

/** Where a value is drawn, px. */
type Scale = (value: number) => number

/**
 * A light curve as an SVG image: difference magnitude, bright upwards, against MJD (dates above); error bars of one sigma, a hollow
 * symbol for a negative difference, triangles for 5-sigma upper limits, bands in their usual colours. Detections that are not
 * admitted are hollow and dashed, without error bars.
 */
export function lightCurveSvg(object: ObjectView): string {
  const points = thinned(object.lightCurve)
  const times = extent(
    points.map(({ mjd }) => mjd),
    1
  )
  const magnitudes = extent(magnitudesOf(points), 0.2)
  const x = scale(times, frame.left, frame.right)
  const y = scale(magnitudes, frame.top, frame.bottom)
  const title = `Light curve of ${printable(object.objectId)}: difference magnitude against time, ${object.lightCurve.length} points`
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" fill="#222" font-family="system-ui, sans-serif" font-size="12">
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" fill="white"/>
${axes(times, magnitudes, x, y)}
${marks(points, x, y)}
${text(printable(object.objectId), frame.left, 30, 'font-size="16" font-weight="bold"')}
${text(captionOf(object, points.length), frame.left, 47)}
${legend(points)}
</svg>
`
}

function axes(times: Extent, magnitudes: Extent, x: Scale, y: Scale): string {
  const { left, right, top, bottom } = frame
  const middle = (top + bottom) / 2
  const anchor = (side: 'middle' | 'end') => `text-anchor="${side}" font-variant="tabular-nums"`
  const below = ticks(times, 8).map(
    tick => `<path d="M${x(tick)},${bottom}v6"/>${text(String(tick), x(tick), bottom + 18, anchor('middle'))}`
  )
  const above = ticks(times, 6).map(
    tick => `<path d="M${x(tick)},${top}v-6"/>${text(dateOf(tick), x(tick), top - 9, anchor('middle'))}`
  )
  const rows = ticks(magnitudes, 9)
  const decimals = Math.max(...rows.map(tick => String(tick).split('.')[1]?.length ?? 0))
  const beside = rows.map(
    tick =>
      `<path d="M${left},${y(tick)}h${right - left}" stroke-opacity="0.1"/><path d="M${left},${y(tick)}h-6"/>` +
      text(tick.toFixed(decimals), left - 9, y(tick) + 4, anchor('end'))
  )
  return [
    group('axes', 'stroke="#222"', [...below, ...above, ...beside]),
    `<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="none" stroke="#999"/>`,
    text('MJD', (left + right) / 2, height - 8, anchor('middle')),
    text('Difference magnitude', 0, 0, `transform="translate(14,${middle}) rotate(-90)" text-anchor="middle"`)
  ].join('\n')
}

/** Upper limits, error bars, refused detections, and on top the detections that are classified. */
function marks(points: readonly PointView[], x: Scale, y: Scale): string {
  const at = ({ mjd, magnitude }: PointView, symbol: string, more = '') =>
    `<g transform="translate(${x(mjd)},${y(magnitude)})${more}">${symbol}</g>`
  const parts = bandNames.map(band => {
    const { colour, symbol } = bands[band]
    const own = points.filter(point => point.band === band)
    const detections = own.filter(({ type, admitted }) => type === 'detection' && admitted)
    const [negative, positive] = [true, false].map(hollow =>
      detections.filter(point => (point.positive === false) === hollow)
    )
    return {
      limits: group(
        'dot',
        `stroke="${colour}" stroke-opacity="0.55" stroke-width="1.5" fill="none"`,
        own.filter(({ type }) => type === 'upperLimit').map(point => at(point, triangle, ' rotate(180)'))
      ),
      bars: group(
        'rule',
        `stroke="${colour}"`,
        detections.map(({ mjd, magnitude, error }) => {
          const [y1, y2] = [inFrame(y(magnitude - (error ?? 0))), inFrame(y(magnitude + (error ?? 0)))]
          return `<line x1="${x(mjd)}" x2="${x(mjd)}" y1="${y1}" y2="${y2}"/>`
        })
      ),
      symbols: [
        [own.filter(isRefused), 'fill="none" stroke-dasharray="1.6 1.4"'] as const,
        [positive ?? [], `fill="${colour}"`] as const,
        [negative ?? [], 'fill="white"'] as const
      ].map(([some, style]) =>
        group(
          'dot',
          `stroke="${colour}" stroke-width="1.5" ${style}`,
          some.map(point => at(point, symbol))
        )
      )
    }
  })
  return [...parts.map(part => part.limits), ...parts.map(part => part.bars), ...parts.flatMap(part => part.symbols)]
    .filter(part => part !== '')
    .join('\n')
}

/** Bands and kinds of points that are there, at the upper right. */
function legend(points: readonly PointView[]): string {
  const words = bandNames
    .filter(band => points.some(point => point.band === band))
    .map((band): [word: string, colour: string] => [`${band} ${bands[band].sign}`, bands[band].colour])
  if (points.some(point => point.type === 'upperLimit')) words.push(['upper limit ▽', grey])
  if (points.some(point => point.admitted && point.positive === false)) words.push(['negative ○', grey])
  if (points.some(isRefused)) words.push(['refused ◌', grey])
  let { right } = frame
  const written = words.reverse().map(([word, colour]) => {
    const place = right
    right -= word.length * 7 + 12
    return text(word, place, 27, `text-anchor="end" style="fill:${colour}"`)
  })
  return written.join('\n')
}

function captionOf({ classification, lightCurve }: ObjectView, drawn: number): string {
  const { prediction = null, reason = null } = classification ?? {}
  const refused = lightCurve.filter(isRefused).length
  const detections = lightCurve.filter(({ type }) => type === 'detection').length - refused
  const parts = [
    prediction ? `${printable(prediction.path.join(' › '))} ${prediction.probability.toFixed(3)}` : null,
    reason ? `not classified: ${printable(reason)}` : null,
    `${detections} detection${detections === 1 ? '' : 's'}`,
    refused > 0 ? `${refused} refused` : null,
    drawn < lightCurve.length ? `${drawn} of ${lightCurve.length} points drawn` : null
  ]
  return parts.filter(part => part !== null).join(' · ')
}

/** A detection that is kept but not classified. */
function isRefused({ type, admitted }: PointView): boolean {
  return type === 'detection' && !admitted
}

/** At most `maxPoints` points, evenly chosen, including the last. */
function thinned(points: readonly PointView[]): PointView[] {
  if (points.length <= maxPoints) return [...points]
  const step = points.length / maxPoints
  return Array.from({ length: maxPoints }, (_, at) => points[Math.floor((at + 1) * step) - 1] as PointView)
}

/** The longest error bar that widens the axis, mag: one huge error must not press all points onto a line. */
const longestBar = 0.5

function magnitudesOf(points: readonly PointView[]): number[] {
  return points.flatMap(({ magnitude, error }) => {
    const bar = Math.min(error ?? 0, longestBar)
    return [magnitude - bar, magnitude + bar]
  })
}

/** A vertical position, moved to the edge of the frame where it is outside. */
function inFrame(y: number): number {
  return Math.min(Math.max(y, frame.top), frame.bottom)
}

type Extent = readonly [low: number, high: number]

/** Least and greatest value with room on both sides. */
function extent(values: readonly number[], room: number): Extent {
  if (values.length === 0) return [0, 1]
  const low = Math.min(...values)
  const high = Math.max(...values)
  const margin = Math.max(room, (high - low) * 0.04)
  return [low - margin, high + margin]
}

/** `2020-01-08` of an MJD. */
function dateOf(mjd: number): string {
  const time = new Date((mjd - mjdOfEpoch) * msPerDay)
  return Number.isNaN(time.getTime()) ? '' : time.toISOString().slice(0, 10)
}

/** Maps values to pixels, to a hundredth. */
function scale([low, high]: Extent, from: number, to: number): Scale {
  return value => Number((from + ((value - low) / (high - low)) * (to - from)).toFixed(2))
}

/** About `count` round values within the extent: multiples of 1, 2 or 5 times a power of ten. */
function ticks([low, high]: Extent, count: number): number[] {
  const rough = (high - low) / count
  const power = Math.floor(Math.log10(rough))
  const factor = rough / 10 ** power
  const step = (factor > 7 ? 10 : factor > 3.2 ? 5 : factor > 1.4 ? 2 : 1) * 10 ** power
  const first = Math.ceil(low / step)
  const decimals = Math.max(0, -power)
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, at) =>
    Number(((first + at) * step).toFixed(decimals))
  )
}

function group(label: string, style: string, parts: readonly string[]): string {
  return parts.length === 0 ? '' : `<g aria-label="${label}" ${style}>${parts.join('')}</g>`
}

function text(words: string, x: number, y: number, more = ''): string {
  return `<text x="${x}" y="${y}" stroke="none" ${more}>${escaped(words)}</text>`
}

/** Text escaped for XML. */
function escaped(words: string): string {
  return words.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)
}
