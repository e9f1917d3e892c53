import {
  type Balance,
  balanceOf,
  contextWords,
  lightCurveWords,
  priorWords,
  termText
} from '../../../src/messages/evidence-words.ts'
import type { Classification, MomentView } from '../data/types.ts'

/** A term of the evidence as a bar from the middle: to the right if it favours the node. */
export interface TermBar {
  readonly name: string
  readonly text: string
  readonly words: string
  /** The node that it favours; null if the term rounds to 0. */
  readonly towards: string | null
  /** Left end and length, % of the whole width. */
  readonly left: number
  readonly length: number
}

/** The evidence for the children of the root as bars. */
export interface Why {
  readonly balance: Balance
  readonly bars: readonly TermBar[]
  readonly sum: TermBar
}

/** Lower limit of the scale of half the width, so that small terms look small. */
const minScale = 4

/** The evidence of a classification, or of a moment of its history; null if there is none. */
export function whyOf(classification: Classification, moment: MomentView | null): Why | null {
  const source = moment === null ? classification : atMoment(classification, moment)
  const balance = balanceOf(source.evidence)
  if (balance === null) return null
  const { node, against, lightCurve, context, prior, sum } = balance
  const scale = Math.max(minScale, ...[lightCurve, context, prior, sum].map(Math.abs))
  const bar = (name: string, value: number, words: readonly string[]): TermBar => {
    const length = (50 * Math.abs(value)) / scale
    const text = termText(value)
    const towards = Number(text) === 0 ? null : value > 0 ? node : against
    return { name, text, words: words.join(', '), towards, left: value < 0 ? 50 - length : 50, length }
  }
  const noContext = moment !== null && source.evidence.every(term => term.context === 0)
  return {
    balance,
    bars: [
      bar('light curve', lightCurve, lightCurveWords(source)),
      bar('context', context, noContext ? ['not part of the history'] : contextWords(source)),
      bar('prior', prior, priorWords(source, node))
    ],
    sum: bar('sum', sum, [])
  }
}

/** The classification at an earlier detection; the number of detections at the position until then is unknown. */
function atMoment(classification: Classification, { jd, detections, evidence }: MomentView) {
  return {
    jd,
    evidence,
    context: classification.context && { ...classification.context, ndethist: null },
    population: classification.population,
    lightCurve: { detections, firstDetectionJd: classification.lightCurve.firstDetectionJd, lastDetectionJd: jd }
  }
}
