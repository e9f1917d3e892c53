import { EncodedCurve } from './encoded-curve.ts'
import { furtherOf } from './further-codec.ts'
import { isDetection, pointSize } from './point-codec.ts'
import { RunningTotals } from './totals.ts'

/**
 * Points of one object that are kept. The longest light curves of eight years of ZTF have some 3,500; without a bound, whoever may
 * write alerts could make one object as large, and each of its alerts as costly, as they like.
 */
export const maxPoints = 10_000

/** Candids of one point that are remembered besides the one in the view: the greatest. Real streams have seen one. */
export const maxFurtherCandids = 7

/**
 * The curve with at most `limit` points: detections before upper limits, and of each the oldest. Which points stay rests on
 * what they are and on no order of arrival: a point that is among those kept in the end was never left out on the way, so
 * merging stays commutative and associative. New points of a full object are left out, and its past stays as it is.
 */
export function withinLimit(curve: EncodedCurve, limit: number): EncodedCurve {
  const totals = new RunningTotals(curve.totals)
  let detectionsLeft = Math.min(curve.totals.detections, limit)
  let upperLimitsLeft = limit - detectionsLeft
  const points = Buffer.allocUnsafe(limit * pointSize)
  const further: Buffer[] = []
  let target = 0
  let kept = 0
  for (let index = 0; index < curve.length; index++) {
    const offset = index * pointSize
    const detection = isDetection(curve.points, offset)
    if (detection ? detectionsLeft-- > 0 : upperLimitsLeft-- > 0) {
      target += curve.points.copy(points, target, offset, offset + pointSize)
      continue
    }
    totals.remove(curve.points, offset, curve.furtherAt(index))
    const [from, to] = furtherOf(curve.furtherBytes, curve.points, offset)
    further.push(curve.furtherBytes.subarray(kept, from))
    kept = to
  }
  further.push(curve.furtherBytes.subarray(kept))
  return new EncodedCurve(points, Buffer.concat(further), totals.of(points))
}
