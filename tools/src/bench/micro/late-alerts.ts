import type { Classifier } from 'hierax/classifier/types.ts'
import type { AlertRecord, Observation } from 'hierax/lightcurves/points/observation.ts'
import { encodeRecord, mergeIntoRecord } from 'hierax/lightcurves/records/object-record.ts'
import { ObjectClassifier } from 'hierax/pipeline/object-classifier.ts'
import { curveOf, observation, recordOf } from './light-curves.ts'
import type { Step } from './measure.ts'

const objectId = 'ZTF26aaaaaaa'
const admission = { programs: [1], admit: { minRealBogus: 0.2, maxSolarSystemDistance: 5, minDetections: 1 } }

/** Points of the object: nearly as many as one may have. */
const points = 9800

/** The detection of a step to which the others are compared. */
export const newDetection = 'large object, new detection'

/**
 * Merging alerts into the record of one large object, and classifying them and the newest one, with the cached state of the object before:
 * a new detection, an old alert that is known, a new one in the middle, and a hundred new ones all over the history.
 */
export async function lateAlerts(classifier: Classifier): Promise<Step[]> {
  const curve = curveOf(points)
  const newest = recordOf(at(points - 1))
  const alerts = { newest, newestAdmitted: newest, newestVersions: [], admittedVersions: [], routes: [] }
  const stored = encodeRecord({ objectId, curve, ...alerts }, 0)
  const [reply] = await classifier.classify([{ curve, jd: newest.jd, state: null, alert: null }])
  const store = { readCache: async () => [reply?.state ?? null] }
  const objects = new ObjectClassifier({ store, classifiers: [classifier], admission })
  const step = (name: string, places: readonly number[]): Step => {
    const observations = places.map(at)
    const records: AlertRecord[] = observations.map(recordOf)
    const addition = { objectId, observations, alerts: records.map(record => ({ record, admitted: true })) }
    const run = async (): Promise<void> => {
      const { state } = mergeIntoRecord(stored, addition, 0)
      const last = state.newestAdmitted as AlertRecord
      const all = [...records.filter(({ jd }) => jd < last.jd), last]
      await objects.classify(all.map(record => ({ record, versions: [], state })))
    }
    return { name, items: places.length, run }
  }
  const middle = points / 2
  return [
    step(newDetection, [points]),
    step('large object, late, known', [middle]),
    step('large object, late, new, 100 detections back', [points - 100.5]),
    step('large object, late, new, in the middle', [middle + 0.5]),
    step(
      'late, new, 100 in one batch',
      Array.from({ length: 100 }, (_, index) => (index * points) / 100 + 0.5)
    )
  ]
}

/** The detection at a place of the history; between two of them if the place is not an integer. */
function at(place: number): Observation {
  const whole = Math.floor(place)
  const { jd, candid, ...rest } = observation(whole, { own: true, mixed: false })
  const shift = place - whole
  return { ...rest, jd: jd + shift, candid: shift === 0 ? candid : (candid ?? 0n) + 1_000_000n }
}
