import { setTimeout as sleep } from 'node:timers/promises'
import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import type { Classifier } from 'hierax/classifier/types.ts'
import { MemoryStore } from 'hierax/lightcurves/stores/memory.ts'
import { historyOf } from 'hierax/pipeline/history.ts'
import type { PacketPublisher } from 'hierax/streams/kafka/producer/packet-publisher.ts'
import { Simulation } from '../simulator/simulate.ts'
import { confidentProbability } from './confidence.ts'

/** A supernova that is published slowly, apart from the stream, to show how its class becomes confident. */
export interface Spotlight {
  readonly objectId: string
  /** Published type. */
  readonly label: string
  /** The node that becomes confident. */
  readonly node: string
  readonly curve: SimulatedLightCurve
  /** Its packets in order of time. */
  readonly packets: readonly Uint8Array[]
}

const spotlightType = 'SN Ia'

/** Upper bound of P(node) at the first two detections. */
const maxInitialProbability = 0.7

const minDetections = 8
const maxDetections = 40

/** Duration of the whole light curve, and bounds of the pause between two alerts, ms. */
const duration = 40_000
const pauses = { shortest: 700, longest: 2500 }

/** The type Ia supernova whose class probability rises most before it is confident; null if there is none. */
export async function findSpotlight(
  curves: readonly SimulatedLightCurve[],
  classifier: Classifier
): Promise<Spotlight | null> {
  let best: { curve: SimulatedLightCurve; node: string; rise: number } | null = null
  for (const curve of curves.filter(({ label }) => label === spotlightType)) {
    const detections = curve.points.filter(point => point.detection).length
    if (detections < minDetections || detections > maxDetections || !/^ZTF\d\d[a-z]{7}$/.test(curve.id)) continue
    const found = await riseOf(curve, classifier)
    if (found && found.rise > (best?.rise ?? 0)) best = { curve, ...found }
  }
  if (!best) return null
  const { curve, node } = best
  const packets = [...new Simulation([curve], { objects: 1 })].map(({ bytes }) => bytes)
  return { objectId: curve.id, label: curve.label, node, curve, packets }
}

/** The node of the published type, and the rise of its probability from the first two detections to the last; null if it is not confident. */
async function riseOf({ label, points }: SimulatedLightCurve, classifier: Classifier) {
  const observations = points.map(({ refused: _, ...point }) => ({
    ...point,
    own: point.detection,
    candid: point.detection ? 1n : null,
    realBogus: null,
    solarSystemDistance: null
  }))
  const [state] = await new MemoryStore().merge([{ objectId: label, observations, alerts: [] }])
  if (!state) return null
  const moments = await historyOf(state.curve, classifier, { minDetections: 1, limit: maxDetections, alert: null })
  const node = moments.at(-1)?.answer.prediction?.path.findLast(name => label === name || label.startsWith(`${name} `))
  const place = classifier.nodes.findIndex(({ name }) => name === node)
  const values = moments.map(({ answer }) => answer.probability[place] ?? 0)
  const first = Math.max(...values.slice(0, 2))
  const last = values.at(-1) ?? 0
  return node !== undefined && first <= maxInitialProbability && last >= confidentProbability
    ? { node, rise: last - first }
    : null
}

/** Publishes a spotlight's packets one by one, after a delay in ms, until the signal is aborted. */
export async function playSpotlight(
  { packets }: Spotlight,
  publisher: PacketPublisher,
  { delay, signal }: { readonly delay: number; readonly signal: AbortSignal }
): Promise<void> {
  const pause = Math.max(pauses.shortest, Math.min(pauses.longest, duration / packets.length))
  try {
    await sleep(delay, undefined, { signal })
    for (const packet of packets) {
      await publisher.publish(packet)
      await publisher.flush()
      await sleep(pause, undefined, { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
