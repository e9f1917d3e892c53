import { type AlertContext, contextFields } from '../lightcurves/observation.ts'
import type { AlertView } from './types.ts'

/** Version of the features that a context term was trained on. */
export const contextVersion = 'context-v1'

/**
 * Names of the features, in their order. Distances are logarithms; the products with nearness say whether the alert lies *on* the
 * catalogue source. Left out on purpose: the sign of the difference, real–bogus scores, solar-system distance, sky position,
 * and `ncovhist`, which grows with the survey's age.
 */
export const contextFeatureNames = [
  'psDistance',
  'psNearness',
  'psMissing',
  'starScore',
  'starScoreUnknown',
  'starNearness',
  'psExcess',
  'colourGR',
  'colourRI',
  'colourIZ',
  'colourMissing',
  'neighbourGalaxy',
  'gaiaDistance',
  'gaiaExcess',
  'gaiaMissing',
  'referenceExcess',
  'referenceSharpness',
  'referenceChi',
  'referenceMissing',
  'age',
  'isOld',
  'detections',
  'historyMissing',
  'pointLikeness',
  'pointLikenessMissing'
] as const

/** Age beyond which an object is just old, days: longer ages would tell the survey's age, not the object's. */
const longestAge = 200
/** Number of detections beyond which there are just many. */
const mostDetections = 30
/** What catalogues write for the score of a source that they can't judge. */
const undecidedScore = 0.5

/**
 * Writes the features of an alert, in the order of `contextFeatureNames`. Every one is bounded; a field that is missing sets its
 * features to a neutral value and its mask to 1. Returns false, and writes nothing, where the packet has no context field
 * at all. Allocates nothing.
 */
export function contextFeatures(view: AlertView, out: Float64Array): boolean {
  const { context, magnitude } = view
  if (isEmpty(context)) return false
  const { sgscore1, distpsnr1, distpsnr2, sgscore2, neargaia, maggaia, distnr, magnr, chinr, sharpnr } = context
  const { sgmag1, srmag1, simag1, szmag1, jdstarthist, ndethist, classtar } = context

  const near = distpsnr1 === null ? 0 : nearness(distpsnr1, 1)
  const score = sgscore1 === null ? 0 : within(sgscore1, 0, 1) - undecidedScore
  out[0] = Math.log(within(distpsnr1 ?? 2, 0.1, 10))
  out[1] = near
  out[2] = flag(distpsnr1 === null)
  out[3] = score
  out[4] = flag(score === 0)
  out[5] = score * near
  out[6] = srmag1 === null ? 0 : near * within(magnitude - srmag1, -4, 5)
  out[7] = near * (sgmag1 === null || srmag1 === null ? 0.6 : within(sgmag1 - srmag1, -0.5, 2))
  out[8] = near * (srmag1 === null || simag1 === null ? 0.3 : within(srmag1 - simag1, -0.5, 2.5))
  out[9] = near * (simag1 === null || szmag1 === null ? 0.15 : within(simag1 - szmag1, -0.5, 1.5))
  out[10] = flag(sgmag1 === null || srmag1 === null || simag1 === null || szmag1 === null)
  out[11] =
    distpsnr2 === null || sgscore2 === null ? 0 : (undecidedScore - within(sgscore2, 0, 1)) * nearness(distpsnr2, 5)

  out[12] = Math.log(within(neargaia ?? 5, 0.2, 20))
  out[13] = neargaia === null || maggaia === null ? 0 : nearness(neargaia, 0.5) * within(magnitude - maggaia, -3, 5)
  out[14] = flag(neargaia === null)

  out[15] = distnr === null || magnr === null ? 0 : nearness(distnr, 0.6) * within(magnitude - magnr, -4, 5)
  out[16] = sharpnr === null ? 0 : within(sharpnr, -0.3, 0.6)
  out[17] = chinr === null ? 0 : Math.log(within(chinr, 0.3, 8))
  out[18] = flag(distnr === null || magnr === null || chinr === null || sharpnr === null)

  const age = jdstarthist === null ? 30 : within(view.jd - jdstarthist, 0, longestAge)
  out[19] = Math.log1p(age)
  out[20] = age / longestAge
  out[21] = Math.log(within(ndethist ?? 8, 1, mostDetections))
  out[22] = flag(jdstarthist === null || ndethist === null)
  out[23] = classtar === null ? 0.97 : within(classtar, 0.5, 1)
  out[24] = flag(classtar === null)
  return true
}

function isEmpty(context: AlertContext): boolean {
  for (const field of contextFields) if (context[field] !== null) return false
  return true
}

/** 1 at a distance of 0, ½ at the scale, and then falling with the square. */
function nearness(distance: number, scale: number): number {
  const ratio = distance / scale
  return 1 / (1 + ratio * ratio)
}

function within(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}

function flag(holds: boolean): number {
  return holds ? 1 : 0
}
