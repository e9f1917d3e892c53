import { printable } from '../errors.ts'
import { evidenceLine } from '../messages/evidence-words.ts'
import type { ReadClassification, Recency } from '../messages/reading.ts'
import type { Screen } from './screen.ts'

/** Julian date of the Unix epoch. */
const jdOfEpoch = 2440587.5
const msPerDay = 86_400_000

/**
 * A classification in one line: exposure (UTC), object, magnitude by band, what it is held for and how surely, what
 * that rests on, and why. With `node` its probability comes first.
 */
export function tailLine(screen: Screen, body: ReadClassification, recency: Recency, node?: string): string {
  const { alert, lightCurve, nodes } = body
  const photometry = alert ? `${alert.band} ${alert.magnitude.toFixed(2)}` : ''
  const wanted = node === undefined ? undefined : nodes.find(({ name }) => name === node)
  const detections = `${lightCurve.detections} detection${lightCurve.detections === 1 ? '' : 's'}`
  const why = evidenceLine(body)
  const parts = [
    screen.styled('dim', timeOf(body.jd)),
    screen.styled('cyan', printable(body.objectId).padEnd(12)),
    printable(photometry).padEnd(7),
    ...(wanted ? [`${printable(wanted.name)} ${shade(screen, wanted.probability)}`] : []),
    verdict(screen, body),
    screen.styled('dim', detections),
    ...(recency === 'older' ? [screen.styled('yellow', 'older')] : []),
    ...(why === null ? [] : [screen.styled('dim', printable(why))])
  ]
  return parts.join('  ')
}

function verdict(screen: Screen, { status, reason, prediction }: ReadClassification): string {
  if (status !== 'CLASSIFIED') return screen.styled('dim', `not classified: ${printable(reason ?? 'no reason')}`)
  if (!prediction) return screen.styled('dim', 'undecided')
  const path = prediction.path.map(printable)
  const above = path.slice(0, -1).map(name => `${name} › `)
  return `${screen.styled('dim', above.join(''))}${path.at(-1) ?? ''} ${shade(screen, prediction.probability)}`
}

function shade(screen: Screen, probability: number): string {
  const text = probability.toFixed(3)
  return probability >= 0.9
    ? screen.styled('green', text)
    : probability >= 0.5
      ? screen.styled('yellow', text)
      : screen.styled('dim', text)
}

/** `2020-01-08 10:47` of a Julian date; the date itself where no calendar has it. */
function timeOf(jd: number): string {
  const time = new Date((jd - jdOfEpoch) * msPerDay)
  return Number.isNaN(time.getTime()) ? `JD ${jd}` : time.toISOString().slice(0, 16).replace('T', ' ')
}
