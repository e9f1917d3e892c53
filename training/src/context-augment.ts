import type { AlertView } from 'hierax/classifier/types.ts'
import type { AlertContext, ContextField } from 'hierax/lightcurves/observation.ts'
import type { Random } from './random.ts'

/** How training alerts are varied. */
export interface ContextAugmentation {
  /** Varied copies of every alert. */
  readonly copies: number
  /** Chance that all fields of one origin are taken away; each origin on its own. */
  readonly originDropped: number
  /** Chance that a single field is taken away. */
  readonly fieldDropped: number
  /** Chance that an alert is moved to another age of the survey. */
  readonly eraChanged: number
}

export const defaultContextAugmentation: ContextAugmentation = {
  copies: 3,
  originDropped: 0.1,
  fieldDropped: 0.03,
  eraChanged: 0.3
}

/** Fields that come, and so are missing, together. */
const origins: readonly (readonly ContextField[])[] = [
  ['sgscore1', 'distpsnr1', 'sgmag1', 'srmag1', 'simag1', 'szmag1', 'sgscore2', 'distpsnr2'],
  ['distnr', 'magnr', 'chinr', 'sharpnr'],
  ['neargaia', 'maggaia'],
  ['classtar'],
  ['ndethist', 'ncovhist', 'jdstarthist']
]

/** Ages that a survey may have, days: a month to that of ZTF in 2026. */
const surveyAges = { from: 30, to: 3000 }

/** The alert as another packet might have it: without some fields, and of a younger survey. */
export function variedContext(view: AlertView, options: ContextAugmentation, draw: Random): AlertView {
  const context: Record<ContextField, number | null> = { ...view.context }
  if (draw.uniform() < options.eraChanged) {
    Object.assign(context, youngerSurvey(view, draw.uniform(surveyAges.from, surveyAges.to)))
  }
  for (const fields of origins) {
    const dropsAll = draw.uniform() < options.originDropped
    for (const field of fields) if (dropsAll || draw.uniform() < options.fieldDropped) context[field] = null
  }
  return { ...view, context }
}

/** The history as a survey would have it that began so many days before the alert. */
function youngerSurvey({ jd, context }: AlertView, surveyAge: number): Partial<AlertContext> {
  const { jdstarthist, ndethist, ncovhist } = context
  if (jdstarthist === null) return {}
  const age = jd - jdstarthist
  if (age <= surveyAge) return {}
  const part = surveyAge / age
  const fewer = (count: number | null): number | null => (count === null ? null : Math.max(1, Math.round(part * count)))
  return { jdstarthist: jd - surveyAge, ndethist: fewer(ndethist), ncovhist: fewer(ncovhist) }
}
