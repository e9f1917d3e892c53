import fs from 'node:fs'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { shared, sharedFiles } from '../../../../test/support/shared.ts'
import { Simulation } from '../../simulator/simulate.ts'

/** A good packet and the objects that are in it. */
export interface RealAlert {
  readonly objectIds: readonly string[]
  readonly bytes: Buffer
}

/** Good packets in their order, and those that hostile ones are made from. */
export interface RealAlerts {
  readonly bases: readonly Buffer[]
  next(): RealAlert
}

/** So many packets are spoilt, each in many ways. */
const mostBases = 200

/** Real packets (`../shared/alerts`) where they are at hand, and after them simulated ones, as many as are asked for. */
export async function realAlerts(seed: number): Promise<RealAlerts> {
  const curves = []
  for await (const curve of readLightCurves()) curves.push(curve)
  const simulation = new Simulation(curves, { seed, objects: 5000, firstObject: 1, cutoutBytes: 0 })
  const files = fs.existsSync(shared) ? sharedFiles('alerts').map(file => fs.readFileSync(file)) : []
  const real: RealAlert[] = files.flatMap(bytes => {
    const objectIds = idsOf(bytes)
    return objectIds.length > 0 ? [{ objectIds, bytes }] : []
  })
  const simulated = simulation[Symbol.iterator]()
  const waiting = [...real]
  const next = (): RealAlert => {
    const first = waiting.shift()
    if (first) return first
    const { value, done } = simulated.next()
    if (done) throw new Error('There are no more alerts to simulate')
    return { objectIds: [value.objectId], bytes: value.bytes }
  }
  const every = Math.max(1, Math.floor(real.length / mostBases))
  const bases =
    real.length > 0 ? real.filter((_, index) => index % every === 0) : Array.from({ length: mostBases }, next)
  if (real.length === 0) waiting.push(...bases)
  return { bases: bases.map(({ bytes }) => bytes), next }
}

const decoder = createDecoder()

/** Objects in a packet; none where it can't be read. */
function idsOf(bytes: Buffer): string[] {
  try {
    return decoder.decode(bytes).map(alert => alert.objectId)
  } catch {
    return []
  }
}
