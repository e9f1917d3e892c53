import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { printable } from '../errors.ts'
import type { ObjectView, PointView } from './ports.ts'

/** The field's colours of the bands, readable on white, and a symbol each for those who can't tell colours apart. */
const bands = {
  g: { colour: '#14803f', symbol: 'circle' },
  r: { colour: '#c62828', symbol: 'square' },
  i: { colour: '#a15c00', symbol: 'diamond' }
} as const
const bandNames = Object.keys(bands) as PointView['band'][]

const width = 760
const height = 460
/** Most points that are drawn: drawing takes its time, and more could not be told apart. */
const maxPoints = 800
const upperLimitColour = 0.55

/** The part of the DOM that is used; its types belong to browsers. */
interface Tree {
  createElementNS(namespace: string, name: string): Branch
}
interface Branch {
  textContent: string
  readonly firstChild: Branch
  setAttribute(name: string, value: string): void
  insertBefore(child: Branch, before: Branch): void
  toString(): string
}

/** MJD of the Unix epoch, and a day in ms. */
const mjdOfEpoch = 40587
const msPerDay = 86_400_000

/**
 * A light curve as an SVG image: difference magnitude, bright upwards, against MJD (dates above); error bars of one sigma, a hollow
 * symbol for a negative difference, triangles for 5-sigma upper limits, bands in the field's colours. Detections that the admission
 * settings refuse are hollow and dashed, without error bars.
 */
export function lightCurveSvg(object: ObjectView): string {
  const document = parseHTML('<html></html>').document as unknown as Tree
  const points = thinned(object.lightCurve)
  const detections = points.filter(({ type, admitted }) => type === 'detection' && admitted)
  const refused = points.filter(isRefused)
  const limits = points.filter(({ type }) => type === 'upperLimit')
  const colour = ({ band }: PointView) => bands[band].colour
  const mjds = points.map(point => point.mjd)
  const svg = Plot.plot({
    document: document as never,
    width,
    height,
    marginTop: 84,
    marginRight: 60,
    marginBottom: 44,
    marginLeft: 60,
    style: { fontFamily: 'system-ui, sans-serif', fontSize: '12px', background: 'white', color: '#222' },
    x: { label: null, domain: extent(mjds, 1) },
    y: { label: null, reverse: true, domain: extent(magnitudesOf(points), 0.2), grid: true },
    symbol: { legend: false },
    marks: [
      Plot.axisX({
        anchor: 'bottom',
        label: 'MJD',
        labelAnchor: 'center',
        labelArrow: 'none',
        tickFormat: (mjd: number) => String(mjd)
      }),
      Plot.axisX({ anchor: 'top', label: null, ticks: 6, tickFormat: dateOf }),
      Plot.axisY({ anchor: 'left', label: 'Difference magnitude', labelAnchor: 'center', labelArrow: 'none' }),
      Plot.frame({ stroke: '#999' }),
      Plot.dot(limits, {
        x: 'mjd',
        y: 'magnitude',
        symbol: 'triangle',
        rotate: 180,
        r: 3,
        stroke: colour,
        strokeOpacity: upperLimitColour
      }),
      Plot.ruleX(detections, {
        x: 'mjd',
        y1: ({ magnitude, error }: PointView) => magnitude - (error ?? 0),
        y2: ({ magnitude, error }: PointView) => magnitude + (error ?? 0),
        stroke: colour
      }),
      ...bandNames.map(band =>
        Plot.dot(
          refused.filter(point => point.band === band),
          {
            x: 'mjd',
            y: 'magnitude',
            symbol: bands[band].symbol,
            r: 3.5,
            stroke: bands[band].colour,
            strokeDasharray: '1.6 1.4'
          }
        )
      ),
      ...bandNames.map(band =>
        Plot.dot(
          detections.filter(point => point.band === band),
          {
            x: 'mjd',
            y: 'magnitude',
            symbol: bands[band].symbol,
            r: 3.5,
            stroke: bands[band].colour,
            fill: ({ positive }: PointView) => (positive === false ? 'white' : bands[band].colour)
          }
        )
      ),
      heading(printable(object.objectId), 16, -66, true),
      heading(captionOf(object, points.length), 12, -46, false),
      ...legend(points)
    ]
  }) as unknown as Branch
  describe(document, svg, object)
  return `<?xml version="1.0" encoding="UTF-8"?>\n${svg.toString()}\n`
}

function heading(text: string, fontSize: number, dy: number, bold: boolean) {
  const fontWeight = bold ? 'bold' : 'normal'
  return Plot.text([text], { frameAnchor: 'top-left', dy, fontSize, fontWeight, text: (line: string) => line })
}

/** Bands and kinds of points that are there, at the upper right. */
function legend(points: readonly PointView[]) {
  const shown = bandNames.filter(band => points.some(point => point.band === band))
  const words: { text: string; fill: string }[] = shown.map(band => ({
    text: `${band} ${{ circle: '●', square: '■', diamond: '◆' }[bands[band].symbol]}`,
    fill: bands[band].colour
  }))
  if (points.some(point => point.type === 'upperLimit')) words.push({ text: 'upper limit ▽', fill: '#555' })
  if (points.some(point => point.admitted && point.positive === false)) words.push({ text: 'negative ○', fill: '#555' })
  if (points.some(isRefused)) words.push({ text: 'refused ◌', fill: '#555' })
  let right = 0
  return words.reverse().map(({ text, fill }) => {
    const mark = Plot.text([text], {
      frameAnchor: 'top-right',
      dx: -right,
      dy: -66,
      fill,
      text: (word: string) => word
    })
    right += text.length * 7 + 12
    return mark
  })
}

function captionOf({ classification, lightCurve }: ObjectView, drawn: number): string {
  const { prediction, reason } = (classification ?? {}) as {
    prediction?: { path: string[]; probability: number } | null
    reason?: string | null
  }
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

/** For screen readers, and for who opens the image by itself. */
function describe(document: Tree, svg: Branch, { objectId, lightCurve }: ObjectView): void {
  const title = document.createElementNS('http://www.w3.org/2000/svg', 'title')
  title.textContent = `Light curve of ${printable(objectId)}: difference magnitude against time, ${lightCurve.length} points`
  svg.setAttribute('role', 'img')
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  svg.insertBefore(title, svg.firstChild)
}

/** At most so many points, evenly chosen; the last is among them. */
function thinned(points: readonly PointView[]): PointView[] {
  if (points.length <= maxPoints) return [...points]
  const step = points.length / maxPoints
  return Array.from({ length: maxPoints }, (_, at) => points[Math.floor((at + 1) * step) - 1] as PointView)
}

function magnitudesOf(points: readonly PointView[]): number[] {
  return points.flatMap(({ magnitude, error }) => [magnitude - (error ?? 0), magnitude + (error ?? 0)])
}

/** Least and greatest value with room on both sides. */
function extent(values: readonly number[], room: number): [number, number] {
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
