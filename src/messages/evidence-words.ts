import type { Evidence, Population } from '../classifier/types.ts'
import { utcOfJd } from '../julian-date.ts'
import type { ContextField } from '../lightcurves/points/observation.ts'

/*
 * Evidence in words, for `hierax tail` and the live page. This file imports nothing of Node, because the page bundles it. Every field may be
 * absent, because messages of the first release do not have them.
 */

/** The fields of a message that are put into words. */
export interface MessageEvidence {
  readonly jd: number
  readonly alert?: { readonly positive?: boolean | undefined } | null | undefined
  readonly evidence?: readonly Evidence[] | undefined
  readonly context?: { readonly [field in ContextField]?: number | null | undefined } | null | undefined
  readonly population?: Population | null | undefined
  readonly lightCurve: {
    readonly detections: number
    readonly firstDetectionJd?: number | null | undefined
    readonly lastDetectionJd?: number | null | undefined
  }
}

/** The three log terms of the first split, as differences between two nodes: positive values favour `node`, negative ones `against`. */
export interface Balance extends Evidence {
  readonly against: string
  readonly sum: number
}

/** Star score of a PS1 source above which it is called a star. At most 1 minus this, it is called a galaxy. Brokers use the same cut. */
const starScore = 0.76
/** Greatest distance of a PS1 source at the alert's position, arcsec. */
const samePlace = 1.5
/** The same for Gaia, which has better positions. */
const sameGaiaPlace = 1
/** Detections and days from which on the history of a position is called long. */
const longHistory = { detections: 10, days: 90 }
const mostFacts = 2

/**
 * The evidence for one child of the root against another. If there are two, it is the first against the second, so that objects can be
 * compared. If there are more, it is the most probable against the next. Null with fewer than two.
 */
export function balanceOf(evidence: readonly Evidence[] = []): Balance | null {
  const ranked = evidence.length === 2 ? evidence : [...evidence].sort((a, b) => sumOf(b) - sumOf(a))
  const [own, other] = ranked
  if (!own || !other) return null
  const [lightCurve, context, prior] = [
    own.lightCurve - other.lightCurve,
    own.context - other.context,
    own.prior - other.prior
  ]
  return { node: own.node, against: other.node, lightCurve, context, prior, sum: lightCurve + context + prior }
}

function sumOf({ lightCurve, context, prior }: Evidence): number {
  return lightCurve + context + prior
}

/** A log term with its sign: `+3.1`, `−5.0`, `0.0`. */
export function termText(term: number): string {
  const text = Math.abs(term).toFixed(1)
  if (Number(text) === 0) return text
  return term < 0 ? `−${text}` : `+${text}`
}

/** Describes the light curve: `12 detections over 34 d`. */
export function lightCurveWords({ alert, lightCurve }: MessageEvidence): string[] {
  const { detections, firstDetectionJd: first, lastDetectionJd: last } = lightCurve
  const count = `${thousands(detections)} detection${detections === 1 ? '' : 's'}`
  const span = first == null || last == null || detections < 2 ? '' : ` over ${spanText(last - first)}`
  return [count + span, ...(alert?.positive === false ? ['fainter than the reference'] : [])]
}

/**
 * The one or two most important facts in the packet's context fields, in this order: a star at the position; a Gaia source at the position
 * (if there is no star); a long history of detections; the nearest PS1 source, or that there is none; a short history.
 */
export function contextWords({ jd, context, evidence = [] }: MessageEvidence): string[] {
  const known = context ? Object.values(context).some(value => value != null) : false
  if (!context || !known) return ['the packet has no context fields']
  const facts = [...placeFacts(context), ...historyFacts(context, jd)].sort((a, b) => a.rank - b.rank)
  const words = facts.slice(0, mostFacts).map(({ text }) => text)
  // If a field is known, a model with a context term gives terms that are not all 0.
  const used = evidence.length === 0 || evidence.some(term => term.context !== 0)
  return used ? words : [...words, 'not used by this model']
}

/** A fact and its rank; lower ranks come first. */
interface Fact {
  readonly rank: number
  readonly text: string
}

type Context = NonNullable<MessageEvidence['context']>

function placeFacts({ sgscore1: score, distpsnr1: distance, neargaia, maggaia }: Context): Fact[] {
  const facts: Fact[] = []
  const star = distance != null && distance <= samePlace && score != null && score > starScore
  if (distance == null) facts.push({ rank: 3, text: 'no PS1 source within 30″' })
  else facts.push({ rank: star ? 0 : 3, text: `${distance.toFixed(1)}″ from ${sourceText(score)}` })
  if (!star && neargaia != null && neargaia <= sameGaiaPlace) {
    const magnitude = maggaia == null ? '' : ` of ${maggaia.toFixed(1)} mag`
    facts.push({ rank: 1, text: `Gaia source${magnitude} at ${neargaia.toFixed(1)}″` })
  }
  return facts
}

function sourceText(score: number | null | undefined): string {
  if (score == null) return 'a source'
  const kind = score > starScore ? 'star' : score <= 1 - starScore ? 'galaxy' : 'source'
  return `a ${kind} of score ${score.toFixed(2).replace(/^0/, '')}`
}

function historyFacts({ ndethist: count, jdstarthist: start }: Context, jd: number): Fact[] {
  if (count == null && start == null) return []
  if (start == null) return [{ rank: 4, text: `detected here ${times(count as number)}` }]
  const days = Math.max(0, jd - start)
  if (days <= longHistory.days) {
    return [
      { rank: 4, text: days < 0.5 ? 'first detected here this night' : `first detected here ${spanText(days)} ago` }
    ]
  }
  const rank = count == null || count >= longHistory.detections ? 2 : 4
  const when = `since ${yearOf(start)}`
  return [{ rank, text: count == null ? `detected here ${when}` : `detected here ${times(count)} ${when}` }]
}

function times(count: number): string {
  return count === 1 ? 'once' : `${thousands(count)} times`
}

/** The class mix of the prior: `population stream: 4 % Transient`. */
export function priorWords({ population }: MessageEvidence, node: string): string[] {
  if (!population) return ['the class mix of the training set']
  const share = Object.hasOwn(population.shares, node) ? population.shares[node] : undefined
  const text = share === undefined ? '' : `: ${percent(share)} ${node}`
  return [`population ${population.name}${text}`]
}

/**
 * Evidence in one line: `Transient: light curve +3.1, context −5.0 (0.2″ from a star of score .99), prior −3.5`. The terms are natural
 * logarithms of the odds of that node against the other. Null without evidence.
 */
export function evidenceLine(message: MessageEvidence): string | null {
  const balance = balanceOf(message.evidence)
  if (balance === null) return null
  const [fact] = contextWords(message)
  const why = balance.context === 0 ? '' : ` (${fact})`
  const { node, lightCurve, context, prior } = balance
  return `${node}: light curve ${termText(lightCurve)}, context ${termText(context)}${why}, prior ${termText(prior)}`
}

/** A share as a percentage with at most two digits: `4 %`, `0.25 %`. */
function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`
}

/** `1240` → `1,240`. */
function thousands(value: number): string {
  return value.toLocaleString('en-US')
}

/** A time span: in hours below one day, in years from two years on. */
function spanText(days: number): string {
  if (days < 1) return `${(24 * days).toFixed(1)} h`
  if (days < 10) return `${Number(days.toFixed(1))} d`
  if (days < 730) return `${Math.round(days)} d`
  return `${(days / 365.25).toFixed(1)} yr`
}

function yearOf(jd: number): string {
  const utc = utcOfJd(jd)
  return utc.endsWith('Z') ? utc.slice(0, utc.indexOf('-', 1)) : utc
}
