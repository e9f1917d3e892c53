import fs from 'node:fs'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { shared, sharedFiles } from '../../../../test/support/shared.ts'
import { Simulation } from '../../simulator/simulate.ts'
import { renamed } from '../packets/mutations.ts'

/** A valid packet and the objects in it. */
export interface RealAlert {
  readonly objectIds: readonly string[]
  readonly bytes: Buffer
}

/** A sequence of valid packets, and the packets from which hostile ones are made. */
export interface RealAlerts {
  readonly bases: readonly Buffer[]
  next(): RealAlert
}

/** Maximum number of base packets. */
const maxBases = 200

/** All real packets (`../shared/alerts`), if available, followed by simulated ones. The base packets have object ids of their own. */
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
  const every = Math.max(1, Math.floor(real.length / maxBases))
  const bases =
    real.length > 0 ? real.filter((_, index) => index % every === 0) : Array.from({ length: maxBases }, next)
  if (real.length === 0) waiting.push(...bases)
  return { bases: bases.map(({ bytes }) => renamed(bytes)).filter(packet => packet !== null), next }
}

const decoder = createDecoder()

/** Objects in a packet; none if it is invalid. */
function idsOf(bytes: Buffer): string[] {
  try {
    return decoder.decode(bytes).map(alert => alert.objectId)
  } catch {
    return []
  }
}
