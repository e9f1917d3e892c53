import type { Screen } from 'hierax/cli/terminal/screen.ts'
import { version } from 'hierax/version.ts'
import type { DemoBroker } from '../demo/broker.ts'
import {
  type ConfidenceTracker,
  type ConfidentClass,
  confidentDetections,
  confidentProbability,
  type Score
} from '../demo/confidence.ts'
import type { Demo } from '../demo/demo.ts'
import type { Spotlight } from '../demo/spotlight.ts'
import type { Stats } from '../demo/stats.ts'

/** The first line. */
export function startingLine(screen: Screen, curves: number): string {
  const title = screen.styled('bold', `Hierax ${version}`)
  return `${title}: live classification of simulated ZTF alerts, from ${curves} real and many synthetic light curves\n`
}

/** The addresses, and commands to try; `example` is an object whose alerts come early. */
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
  const commands = [
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
      ? [`  Topics   ${input} ${dim('(alerts)')} → ${output} ${dim('(classifications: Avro, keyed by object)')}`]
      : []),
    `  Page     ${screen.styled('cyan', `${address}/`)}`,
    `  Metrics  ${address}/metrics`,
    `  API      ${address}/api/docs`,
    '',
    ...(spotlight ? [...spotlightLines(screen, spotlight, address), ''] : []),
    '  Try from another terminal:',
    ...commands.map(([what, command]) => `    ${dim(`${what}:`.padEnd(14))}${command}`),
    '',
    'For each supernova alert there are six or seven alerts of stars, active galaxies, minor planets and artefacts.',
    `A line is printed when an object reaches a confident class: a probability of at least ${confidentProbability} with at least`,
    `${confidentDetections} detections. It shows the first and the current probability of the class, and the true class: ✓ correct, ✗ wrong.`,
    'Ctrl-C stops the demo and removes everything it created.',
    ''
  ]
}

/** Introduces the spotlight. */
function spotlightLines(screen: Screen, { objectId, label, packets }: Spotlight, address: string): string[] {
  return [
    `  Watch ${screen.styled('bold', objectId)}, a supernova of type ${label.replace(/^SN /, '')}. Its ${packets.length} alerts arrive one by one, starting in a few seconds:`,
    `    ${screen.styled('cyan', pageOf(objectId, address))}`
  ]
}

/** Reports that the spotlight's class has become confident. */
export function spotlightLine(screen: Screen, object: ConfidentClass, address: string): string {
  const rise = `${object.node} ${object.initialProbability.toFixed(2)} → ${object.probability.toFixed(2)}`
  const text = `${screen.styled('bold', object.objectId)} is confident after ${object.detections} detections: ${screen.styled('green', rise)}`
  return `★ ${text}  ${screen.styled('cyan', pageOf(object.objectId, address))}`
}

function pageOf(objectId: string, address: string): string {
  return `${address}/?object=${encodeURIComponent(objectId)}`
}

/** Reports an object that has reached a confident class. */
export function confidentLine(screen: Screen, object: ConfidentClass): string {
  const ancestors = object.path.slice(0, -1).map(name => `${name} › `)
  const name = `${ancestors.join('')}${object.node}`
  const shownName = screen.styled('dim', ancestors.join('')) + screen.styled('green', object.node)
  const path = shownName + ' '.repeat(Math.max(0, 34 - name.length))
  const rise =
    object.detections > 1
      ? `${object.initialProbability.toFixed(2)} → ${object.probability.toFixed(2)}`
      : object.probability.toFixed(2)
  const after = `${object.detections} detection${object.detections === 1 ? '' : 's'}`
  const label = object.label === null ? '' : screen.styled('dim', `  true class: ${object.label}`)
  return `  ${object.objectId}  ${path} ${rise.padEnd(11)}  ${after.padEnd(13)}${label}${checkMark(screen, object)}`
}

function checkMark(screen: Screen, { correct }: ConfidentClass): string {
  if (correct === null) return ''
  return correct ? screen.styled('green', ' ✓') : screen.styled('red', ' ✗')
}

/** The status line; `rate` in alerts per second. */
export function statusLine(
  screen: Screen,
  stats: Stats,
  tracker: ConfidenceTracker,
  rate: number,
  seconds: number
): string {
  if (stats.alerts === 0)
    return `waiting for the first classifications · lag ${count(stats.lag)} · ${Math.round(seconds)} s`
  const parts = [
    `${Math.round(rate)} alerts/s`,
    `${count(stats.alerts)} alerts of ${count(tracker.objects)} objects`,
    `lag ${count(stats.lag)}`,
    `${count(confidentObjects(tracker))} confident objects${shareCorrect(tracker)}`,
    `${Math.round(seconds)} s`
  ]
  if (stats.deadLetters > 0) parts.push(`${count(stats.deadLetters)} dead letters`)
  return `${screen.live ? '' : '· '}${parts.join(' · ')}`
}

/** The summary printed at the end. */
export function summaryLines(stats: Stats, tracker: ConfidenceTracker, seconds: number): string[] {
  const classes = [...tracker.classes].sort((a, b) => b[1] - a[1]).map(([node, objects]) => `${node} ${count(objects)}`)
  return [
    `${count(stats.alerts)} alerts of ${count(tracker.objects)} objects in ${Math.round(seconds)} s; ` +
      `${count(confidentObjects(tracker))} objects have a confident class${classes.length > 0 ? `: ${classes.join(', ')}` : ''}.`,
    outcomeLine(stats),
    ...scoreLines(tracker.score),
    'Everything was stopped and removed. To classify your own alerts: `npx hierax classify FILE.avro …`, `npx hierax serve --help`.'
  ]
}

/** Texts for the reasons of alerts that are not classified. */
const reasonTexts: Readonly<Record<string, string>> = {
  PROGRAM: 'of another survey programme',
  BOGUS: 'rejected as bogus',
  SOLAR_SYSTEM: 'near a known minor planet',
  TOO_FEW_DETECTIONS: 'with too few detections'
}

function outcomeLine({ classified, notClassified }: Stats): string {
  const others = [...notClassified].filter(([, alerts]) => alerts > 0)
  return `Alerts by outcome: ${[
    `${count(classified)} classified`,
    ...others.map(([reason, alerts]) => `${count(alerts)} ${reasonTexts[reason] ?? reason}`)
  ].join(', ')}.`
}

/** How often a confident class was the true one, and the most frequent mistakes. */
function scoreLines({ correct, wrong, mistakes }: Score): string[] {
  const checked = correct + wrong
  if (checked === 0) return []
  const most = [...mistakes].sort((a, b) => b[1] - a[1])
  const listed = most.slice(0, 5).map(([what, times]) => `${what} ${times}`)
  const more = most.length > listed.length ? ', …' : ''
  return [
    `Of ${count(checked)} confident classes ${count(correct)} are correct (${percent(correct / checked)}; an object may reach several)` +
      `${wrong > 0 ? `; wrong: ${listed.join(', ')}${more}` : ''}.`
  ]
}

function shareCorrect({ score: { correct, wrong } }: ConfidenceTracker): string {
  return correct + wrong === 0 ? '' : ` (${percent(correct / (correct + wrong))} correct)`
}

/** Rounded down, so that only a share of 1 gives 100 %. */
function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`
}

function confidentObjects(tracker: ConfidenceTracker): number {
  return [...tracker.classes.values()].reduce((sum, objects) => sum + objects, 0)
}

function count(number: number): string {
  return number.toLocaleString('en')
}
