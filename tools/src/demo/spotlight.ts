import { setTimeout as sleep } from 'node:timers/promises'
import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import type { Classifier } from 'hierax/classifier/types.ts'
import { MemoryStore } from 'hierax/lightcurves/stores/memory.ts'
import { historyOf } from 'hierax/pipeline/history.ts'
import type { PacketPublisher } from 'hierax/streams/kafka/packet-publisher.ts'
import { Simulation } from '../simulator/simulate.ts'
import { sureFrom } from './sure.ts'

/** A supernova whose way from unsure to sure is to be seen, apart from the stream and slowly. */
export interface Spotlight {
  readonly objectId: string
  /** Published type. */
  readonly label: string
  /** The node that the model becomes sure of. */
  readonly node: string
  readonly curve: SimulatedLightCurve
  /** Its packets in order of time. */
  readonly packets: readonly Uint8Array[]
}

/** Published types of the supernovae that are looked for. */
const wanted = 'SN Ia'

/** At its first detections P(node) is at most this. */
const unsure = 0.7

/** Number of detections that makes a good show. */
const fewest = 8
const most = 40

/** Time that the whole light curve takes, and pauses between two alerts, ms. */
const duration = 40_000
const pauses = { shortest: 700, longest: 2500 }

/** The type Ia supernova that the model comes to be sure of by the longest way; null where it is sure of none. */
export async function findSpotlight(
  curves: readonly SimulatedLightCurve[],
  classifier: Classifier
): Promise<Spotlight | null> {
  let best: { curve: SimulatedLightCurve; node: string; rise: number } | null = null
  for (const curve of curves.filter(({ label }) => label === wanted)) {
    const detections = curve.points.filter(point => point.detection).length
    if (detections < fewest || detections > most || !/^ZTF\d\d[a-z]{7}$/.test(curve.id)) continue
    const found = await riseOf(curve, classifier)
    if (found && found.rise > (best?.rise ?? 0)) best = { curve, ...found }
  }
  if (!best) return null
  const { curve, node } = best
  const packets = [...new Simulation([curve], { objects: 1 })].map(({ bytes }) => bytes)
  return { objectId: curve.id, label: curve.label, node, curve, packets }
}

/** The node of the published type, and how far its probability rises from the first detections to the last; null for no such way. */
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
  const moments = await historyOf(state.curve, classifier, { minDetections: 1, limit: most, alert: null })
  const node = moments.at(-1)?.answer.prediction?.path.findLast(name => label === name || label.startsWith(`${name} `))
  const place = classifier.nodes.findIndex(({ name }) => name === node)
  const values = moments.map(({ answer }) => answer.probability[place] ?? 0)
  const first = Math.max(...values.slice(0, 2))
  const last = values.at(-1) ?? 0
  return node !== undefined && first <= unsure && last >= sureFrom ? { node, rise: last - first } : null
}

/** Publishes a spotlight's packets one by one, from `begin` (ms from now) on, until the signal is aborted. */
export async function playSpotlight(
  { packets }: Spotlight,
  publisher: PacketPublisher,
  { begin, signal }: { readonly begin: number; readonly signal: AbortSignal }
): Promise<void> {
  const pause = Math.max(pauses.shortest, Math.min(pauses.longest, duration / packets.length))
  try {
    await sleep(begin, undefined, { signal })
    for (const packet of packets) {
      await publisher.publish(packet)
      await publisher.flush()
      await sleep(pause, undefined, { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
