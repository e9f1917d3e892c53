import {
  type Balance,
  balanceOf,
  contextWords,
  lightCurveWords,
  priorWords,
  termText
} from '../../../src/messages/evidence-words.ts'
import type { Classification, MomentView } from '../data/types.ts'

/** A term of the evidence as a bar that begins in the middle: to the right it speaks for the node. */
export interface TermBar {
  readonly name: string
  readonly text: string
  readonly words: string
  /** The node that it speaks for; null where it rounds to nothing. */
  readonly towards: string | null
  /** Left end and length, % of the whole width. */
  readonly left: number
  readonly length: number
}

/** The evidence of the top split, ready to be drawn. */
export interface Why {
  readonly balance: Balance
  readonly bars: readonly TermBar[]
  readonly sum: TermBar
}

/** A bar that fills its half stands for at least this: small terms look small. */
const leastScale = 4

/** Why an answer is what it is: of the answer itself, or of a moment of its history. Null where there is no evidence. */
export function whyOf(answer: Classification, moment: MomentView | null): Why | null {
  const told = moment === null ? answer : thenOf(answer, moment)
  const balance = balanceOf(told.evidence)
  if (balance === null) return null
  const { node, against, lightCurve, context, prior, sum } = balance
  const scale = Math.max(leastScale, ...[lightCurve, context, prior, sum].map(Math.abs))
  const bar = (name: string, value: number, words: readonly string[]): TermBar => {
    const length = (50 * Math.abs(value)) / scale
    const text = termText(value)
    const towards = Number(text) === 0 ? null : value > 0 ? node : against
    return { name, text, words: words.join(', '), towards, left: value < 0 ? 50 - length : 50, length }
  }
  const silent = moment !== null && told.evidence.every(term => term.context === 0)
  return {
    balance,
    bars: [
      bar('light curve', lightCurve, lightCurveWords(told)),
      bar('context', context, silent ? ['not part of the history'] : contextWords(told)),
      bar('prior', prior, priorWords(told, node))
    ],
    sum: bar('sum', sum, [])
  }
}

/** An answer as it was at an earlier detection. How often the place was detected until then is not known. */
function thenOf(answer: Classification, { jd, detections, evidence }: MomentView) {
  return {
    jd,
    evidence,
    context: answer.context && { ...answer.context, ndethist: null },
    population: answer.population,
    lightCurve: { detections, firstDetectionJd: answer.lightCurve.firstDetectionJd, lastDetectionJd: jd }
  }
}
