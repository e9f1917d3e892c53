import type { Screen } from 'hierax/cli/screen.ts'
import { version } from 'hierax/version.ts'
import type { DemoBroker } from '../demo/broker.ts'
import type { Demo } from '../demo/demo.ts'
import type { Figures } from '../demo/figures.ts'
import type { Spotlight } from '../demo/spotlight.ts'
import { type BecameSure, type Score, type SureWatch, sureDetections, sureFrom } from '../demo/sure.ts'

/** The first line: what this is. */
export function startingLine(screen: Screen, curves: number): string {
  const title = screen.styled('bold', `Hierax ${version}`)
  return `${title}: ZTF alerts made from ${curves} real light curves and many simulated ones, classified as they come\n`
}

/** Where everything is, and what to try; `example` is an object whose alerts come early. */
export function greeting(
  screen: Screen,
  broker: DemoBroker,
  { hierax, input, output }: Demo,
  { spotlight, example }: { readonly spotlight: Spotlight | null; readonly example: string }
): string[] {
  const { address } = hierax
  const dim = (text: string) => screen.styled('dim', text)
  const place = broker.brokers ? `${broker.description}, at ${broker.brokers.join(', ')}` : broker.description
  const servers = broker.brokers?.join(',')
  const next = [
    [
      'subscribe',
      servers ? `npx hierax tail --brokers ${servers} --topic ${output}` : `curl -N ${address}/api/v1/events`
    ],
    ['one object', `curl ${address}/api/v1/objects/${example}`],
    ['scrape', `curl ${address}/metrics`],
    ['own packets', 'npx hierax classify FILE.avro …'],
    servers
      ? ['into this', `npx hierax replay FILE.avro … --brokers ${servers} --topic ${input}`]
      : ['own stream', 'HIERAX_INPUT_BROKERS=HOST:9092 npx hierax serve']
  ]
  return [
    `  Kafka    ${place}`,
    ...(broker.brokers
      ? [`  Topics   ${input} ${dim('(alerts)')} → ${output} ${dim('(answers: Avro, keyed by object)')}`]
      : []),
    `  Page     ${screen.styled('cyan', `${address}/`)}`,
    `  Metrics  ${address}/metrics`,
    `  API      ${address}/api/docs`,
    '',
    ...(spotlight ? [...spotlightLines(screen, spotlight, address), ''] : []),
    '  To try, from another terminal:',
    ...next.map(([what, command]) => `    ${dim(`${what}:`.padEnd(14))}${command}`),
    '',
    'For each alert of a supernova there are six or seven of stars, active galaxies, minor planets and artefacts.',
    `Objects whose class has just become sure (probability ${sureFrom} or more after ${sureDetections} detections or more),`,
    'with what each was made from: ✓ right, ✗ wrong.',
    'Ctrl-C ends the demo and leaves nothing behind.',
    ''
  ]
}

/** The supernova to be watched. */
function spotlightLines(screen: Screen, { objectId, label, packets }: Spotlight, address: string): string[] {
  return [
    `  Watch ${screen.styled('bold', objectId)}, published as ${label}: its ${packets.length} alerts come one by one, in a few seconds:`,
    `    ${screen.styled('cyan', pageOf(objectId, address))}`
  ]
}

/** The supernova that is watched has become sure. */
export function spotlightLine(screen: Screen, news: BecameSure, address: string): string {
  const way = `${news.node} ${news.atFirst.toFixed(2)} → ${news.probability.toFixed(2)}`
  const told = `${screen.styled('bold', news.objectId)} is sure after ${news.detections} detections: ${screen.styled('green', way)}`
  return `★ ${told}  ${screen.styled('cyan', pageOf(news.objectId, address))}`
}

function pageOf(objectId: string, address: string): string {
  return `${address}/?object=${encodeURIComponent(objectId)}`
}

/** An object whose class has just become sure. */
export function newsLine(screen: Screen, news: BecameSure): string {
  const above = news.path.slice(0, -1).map(name => `${name} › `)
  const name = `${above.join('')}${news.node}`
  const shownName = screen.styled('dim', above.join('')) + screen.styled('green', news.node)
  const path = shownName + ' '.repeat(Math.max(0, 34 - name.length))
  const way =
    news.detections > 1 ? `${news.atFirst.toFixed(2)} → ${news.probability.toFixed(2)}` : news.probability.toFixed(2)
  const after = `${news.detections} detection${news.detections === 1 ? '' : 's'}`
  const label = news.label === null ? '' : screen.styled('dim', `  made from: ${news.label}`)
  return `  ${news.objectId}  ${path} ${way.padEnd(11)}  ${after.padEnd(13)}${label}${checkMark(screen, news)}`
}

function checkMark(screen: Screen, { right }: BecameSure): string {
  if (right === null) return ''
  return right ? screen.styled('green', ' ✓') : screen.styled('red', ' ✗')
}

/** How it goes. */
export function statusLine(screen: Screen, figures: Figures, watch: SureWatch, rate: number, seconds: number): string {
  if (figures.alerts === 0)
    return `waiting for the first answers · lag ${count(figures.lag)} · ${Math.round(seconds)} s`
  const parts = [
    `${Math.round(rate)} alerts/s`,
    `${count(figures.alerts)} alerts of ${count(watch.objects)} objects`,
    `lag ${count(figures.lag)}`,
    `${count(sureOf(watch))} objects sure${shareRight(watch)}`,
    `${Math.round(seconds)} s`
  ]
  if (figures.deadLetters > 0) parts.push(`${count(figures.deadLetters)} dead letters`)
  return `${screen.live ? '' : '· '}${parts.join(' · ')}`
}

/** What came of it. */
export function summaryLines(figures: Figures, watch: SureWatch, seconds: number): string[] {
  const classes = [...watch.classes].sort((a, b) => b[1] - a[1]).map(([node, objects]) => `${node} ${count(objects)}`)
  return [
    `${count(figures.alerts)} alerts of ${count(watch.objects)} objects in ${Math.round(seconds)} s; ` +
      `the class of ${count(sureOf(watch))} objects became sure${classes.length > 0 ? `: ${classes.join(', ')}` : ''}.`,
    outcomeLine(figures),
    ...scoreLines(watch.score),
    'Nothing is left running. Own alerts: `npx hierax classify FILE.avro …`, `npx hierax serve --help`.'
  ]
}

/** Reasons for which the service gives no probabilities, as people say them. */
const reasonTexts: Readonly<Record<string, string>> = {
  PROGRAM: 'of another programme',
  BOGUS: 'refused as bogus',
  SOLAR_SYSTEM: 'beside a known minor planet',
  TOO_FEW_DETECTIONS: 'with too few detections'
}

function outcomeLine({ classified, refused }: Figures): string {
  const others = [...refused].filter(([, alerts]) => alerts > 0)
  return `Alerts by outcome: ${[
    `${count(classified)} classified`,
    ...others.map(([reason, alerts]) => `${count(alerts)} ${reasonTexts[reason] ?? reason}`)
  ].join(', ')}.`
}

/** How often "sure" was right, by what the objects were made from; and what was wrong most often. */
function scoreLines({ right, wrong, mistakes }: Score): string[] {
  const checked = right + wrong
  if (checked === 0) return []
  const most = [...mistakes].sort((a, b) => b[1] - a[1])
  const listed = most.slice(0, 5).map(([what, times]) => `${what} ${times}`)
  const more = most.length > listed.length ? ', …' : ''
  return [
    `Of ${count(checked)} times that a class was called sure it was right ${count(right)} times (${percent(right / checked)})` +
      `${wrong > 0 ? `; wrong: ${listed.join(', ')}${more}` : ''}.`
  ]
}

function shareRight({ score: { right, wrong } }: SureWatch): string {
  return right + wrong === 0 ? '' : ` (${percent(right / (right + wrong))} rightly)`
}

/** Rounded down: all must be right for 100 %. */
function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`
}

function sureOf(watch: SureWatch): number {
  return [...watch.classes.values()].reduce((sum, objects) => sum + objects, 0)
}

function count(number: number): string {
  return number.toLocaleString('en')
}
